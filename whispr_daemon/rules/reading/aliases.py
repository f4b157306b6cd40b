"""Indicators by a name of their own: ``fast: {type: EMA, length: 21, source: hl2, tf: 5m}``."""

from typing import Any

from whispr_daemon.rules.check.checking import NUMBERS
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.functions.function import Accepts
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.plain import mapping, text


def read_aliases(bench: Bench, scope: Scope) -> dict[str, Node | None]:
    """Return the typed trees by name, None where there is a mistake in one."""
    found: dict[str, Node | None] = {}
    for name, written in mapping(mapping(bench.data.get("inputs")).get("indicators")).items():
        path: Path = ("inputs", "indicators", name)
        found[name.lower()] = _indicator(bench, mapping(written), path, scope)
    return found


def _indicator(bench: Bench, written: dict[str, Any], path: Path, scope: Scope) -> Node | None:
    """Read it as the expression it stands for: ``spy.ema(hl2, 21)@5m``."""
    kind = written.get("type")
    if not isinstance(kind, str):
        return None
    name, dot, part = kind.lower().partition(".")
    function = scope.functions.get(name)
    arguments = []
    source, length = written.get("source"), written.get("length")
    for parameter in () if function is None else function.takes:
        if parameter.accepts is Accepts.LENGTH and length is not None:
            arguments.append(f"{parameter.name}={length}")
            length = None
        elif parameter.accepts is Accepts.NUMBER and parameter.default is None:
            if source is not None and bench.number(source, (*path, "source"), scope) is None:
                return None
            arguments.append(f"{parameter.name}=({source or 'close'})")
            source = None
    for left, key in ((source, "source"), (length, "length")):
        if left is not None and function is not None:
            bench.refuse((*path, key), "E222", f"{name} takes no {key}")
            return None
    on, symbol = text(written.get("tf")), text(written.get("symbol"))
    known = scope
    if symbol and symbol.lower() not in scope.vocabulary.refs:
        names = scope.vocabulary
        known = scope.knowing(names._replace(refs={**names.refs, "symbol": symbol}))
        symbol = "symbol"
    call = f"{symbol + '.' if symbol else ''}{name}({', '.join(arguments)}){dot}{part}"
    call += f"@{on}" if on else ""
    return _read(bench, call, path, known)


def _read(bench: Bench, call: str, path: Path, scope: Scope) -> Node | None:
    node = bench.value(call, (*path, "type"), scope, start=-1)
    if node is None or node.type in NUMBERS:
        return node
    bench.refuse((*path, "type"), "E201", f"{call} is no indicator but a {node.type}")
    return None
