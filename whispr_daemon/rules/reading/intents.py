"""Wishes to the risk gate: order, target, flatten, cancel, halt."""

from collections.abc import Mapping
from typing import Any, Final, cast

from whispr_daemon.rules.actions import Intend
from whispr_daemon.rules.check.periods import PeriodRefusedError, nanos
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.document.action_keys import AMOUNT, FLATTEN, HALT, ORDER, TARGET
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.document.keys import Key
from whispr_daemon.rules.nodes import Node, Type
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.parameters import read_value

_SIZES: Final = ("qty", "notional", "risk_pct")
_UNTIL: Final = ("session_end", "manual")
_NEEDED: Final = {"limit": ("limit",), "stop": ("stop",), "bracket": ("stop", "target")}


def read_intent_text(bench: Bench, verb: str, rest: str, path: Path) -> Intend | None:
    """Read ``flatten``, ``flatten:all``, ``cancel:tag``, ``halt:entries``."""
    if verb == "flatten" and rest in ("", *FLATTEN):
        return Intend(verb="flatten", written={"scope": rest or "symbol"})
    if verb == "cancel" and rest:
        return Intend(verb="cancel", written={"tag": rest})
    if verb == "halt" and rest in ("", "entries", "all"):
        return Intend(verb="halt", written={"scope": rest or "entries", "until": "session_end"})
    examples = {
        "flatten": "flatten:all, or flatten for the symbol alone",
        "cancel": "cancel:tag",
        "halt": "halt:entries or halt:all",
    }
    wanted = examples.get(verb, f"a mapping: {{{verb}: {{…}}}}")
    bench.refuse(path, "E421", f"{verb} is written {wanted}")
    return None


def read_intent(bench: Bench, verb: str, value: object, where: tuple[Path, Scope]) -> Intend | None:
    """Read the value of ``order``, ``target``, ``flatten``, ``cancel`` or ``halt``."""
    path, scope = where
    if verb == "flatten":
        if value in FLATTEN:
            return Intend(verb="flatten", written={"scope": value})
        message = f"flatten takes all or symbol, found {value!r}"
        bench.refuse(path, "E421", message)
        return None
    if verb == "cancel":
        if isinstance(value, str) and value:
            return Intend(verb="cancel", written={"tag": value})
        bench.refuse(path, "E421", "cancel takes the tag of the orders")
        return None
    if not isinstance(value, dict):
        bench.refuse(path, "E421", f"{verb} takes a mapping of its parts")
        return None
    keys = {"order": ORDER, "target": TARGET, "halt": HALT}[verb]
    right = _check_keys(bench, verb, value, (path, keys))
    expressions = _amounts(bench, value, (path, keys), scope)
    checks = {"order": _check_order, "target": _check_target, "halt": _check_halt}
    right = checks[verb](bench, value, path) and right
    if not right or expressions is None:
        return None
    said = {key: each for key, each in value.items() if not key.startswith("x-")}
    if verb == "halt":
        said = {"scope": "entries", "until": "session_end", **said}
    return Intend(verb=cast("Any", verb), written=said, expressions=expressions)


def _check_keys(
    bench: Bench, verb: str, value: Mapping[str, Any], where: tuple[Path, tuple[Key, ...]]
) -> bool:
    path, keys = where
    known = {key.name: key for key in keys}
    right = True
    for name, each in value.items():
        if name.startswith("x-"):
            continue
        if name not in known:
            place = bench.document.key((*path, name))
            hint = suggestion(name, known)
            bench.document.report(place, "E501", f"unknown key {name!r} of {verb}{hint}")
            right = False
            continue
        choices = known[name].schema.get("enum")
        if choices is not None and each not in choices:
            hint = suggestion(str(each), choices)
            message = f"{name} of {verb} is {each!r}; expected one of {', '.join(choices)}{hint}"
            bench.refuse((*path, name), "E421", message)
            right = False
        elif known[name].schema.get("type") == "string" and not isinstance(each, str):
            bench.refuse((*path, name), "E421", f"{name} of {verb} is a text, found {each!r}")
            right = False
    return right


def _amounts(
    bench: Bench, value: Mapping[str, Any], where: tuple[Path, tuple[Key, ...]], scope: Scope
) -> tuple[tuple[str, Node], ...] | None:
    """Return the expressions among the amounts; None if there is a mistake in one."""
    path, keys = where
    found: list[tuple[str, Node]] = []
    right = True
    for key in keys:
        each = value.get(key.name)
        if key.schema is not AMOUNT or each is None:
            continue
        if isinstance(each, str):
            node = bench.number(each, (*path, key.name), scope)
            right = right and node is not None
            found += [] if node is None else [(key.name, node)]
        elif isinstance(each, bool) or not isinstance(each, int | float):
            bench.refuse((*path, key.name), "E421", f"{key.name} is a number or an expression")
            right = False
    return tuple(found) if right else None


def _check_order(bench: Bench, value: Mapping[str, Any], path: Path) -> bool:
    wrong: list[tuple[str, str]] = []
    if "side" not in value:
        wrong.append(("E421", "an order needs a side: buy or sell"))
    sizes = [size for size in _SIZES if size in value]
    if len(sizes) != 1:
        found = " and ".join(sizes) or "none"
        wrong.append(("E421", f"an order needs one of {', '.join(_SIZES)}; found {found}"))
    if "risk_pct" in value and "stop" not in value:
        wrong.append(("E420", "risk_pct needs a stop: the size follows from how far it is"))
    kind = value.get("type", "market")
    wrong += [
        ("E421", f"an order of type {kind} needs its {needed}")
        for needed in _NEEDED.get(kind if isinstance(kind, str) else "", ())
        if needed not in value and not (needed == "stop" and "risk_pct" in value)
    ]
    for code, message in wrong:
        bench.refuse(path, code, message)
    return _check_sizes(bench, value, path) and not wrong


def _check_sizes(bench: Bench, value: Mapping[str, Any], path: Path) -> bool:
    """Report sizes that are written as numbers and are none of an order."""
    right = True
    for key in _SIZES:
        amount = _constant(value.get(key))
        if amount is not None and amount <= 0:
            message = (
                f"{key} of order is {value[key]}; expected more than 0 (the side says which way)"
            )
            bench.refuse((*path, key), "E421", message)
            right = False
        elif amount is not None and key == "risk_pct" and amount > 1:
            message = f"{key} of order is {amount:,.0%} of the equity; half a per cent is 0.5%"
            bench.refuse((*path, key), "E421", message)
            right = False
    return right


def _constant(written: object) -> float | None:
    """Return an amount that is written as a number or a percentage; None of all others."""
    given = read_value(written, "1m")
    return given.value if given is not None and given.type is Type.NUM else None


def _check_target(bench: Bench, value: Mapping[str, Any], path: Path) -> bool:
    if ("qty" in value) != ("pct" in value):
        return True
    bench.refuse(path, "E421", "a target needs one of qty and pct, and only one")
    return False


def _check_halt(bench: Bench, value: Mapping[str, Any], path: Path) -> bool:
    until = value.get("until", "session_end")
    if until in _UNTIL:
        return True
    try:
        right = nanos(str(until), "1m") > 0
    except PeriodRefusedError:
        right = False
    if not right:
        message = f"until is {until!r}; expected session_end, manual or a duration such as 30m"
        bench.refuse((*path, "until"), "E421", message)
    return right
