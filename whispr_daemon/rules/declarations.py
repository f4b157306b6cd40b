"""What a rule declares: do its indicators exist, and does a clause read what it names?"""

from collections.abc import Sequence
from typing import Final

from whispr_daemon.rules.check.expression import check
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.nodes import AsOf, Named, Node, Series
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.plain import listed, mapping
from whispr_daemon.rules.rule import Clause
from whispr_daemon.rules.tree import canonical, walk

_PATH: Final[Path] = ("inputs", "indicators")
_SPACES: Final[tuple[tuple[Path, str], ...]] = (  # where names are given, how they are written
    (("inputs", "refs"), ""),
    (_PATH, ""),
    (("params",), "$"),
    (("let",), ""),
    (("vars",), ""),
)


def check_declarations(
    bench: Bench, scope: Scope, clauses: Sequence[Clause] | None, when: Node | None
) -> None:
    """Report what is no indicator and, unless ``clauses`` is None, what nothing reads."""
    names = listed(mapping(bench.data.get("inputs")).get("indicators"))
    used = _used(clauses, when) if names and clauses is not None else None
    for index, name in enumerate(names):
        if isinstance(name, str) and not bench.document.full:
            bench.document.add(_findings(name, used, scope), (*_PATH, index))
    if clauses is None:
        return
    for path, mark in _SPACES:
        found = bench.data
        for key in path:
            found = mapping(found.get(str(key)))
        for name in found:
            if (mark + name if mark else name.lower()) not in scope.ledger.names:
                place = bench.document.key((*path, name))
                bench.document.note(place, "W101", f"{mark}{name} is declared and not used")


def _findings(name: str, used: set[str] | None, scope: Scope) -> list[Finding]:
    checked = check(name, scope)
    node = checked.node
    if node is None:
        return checked.findings
    if not _is_indicator(node):
        return [Finding(start=0, code="E201", message=f"{name!r} is not an indicator")]
    if used is not None and canonical(node) not in used:
        message = f"{name} is declared and not used"
        return [Finding(start=0, code="W101", message=message, severity="info")]
    return []


def _is_indicator(node: Node) -> bool:
    return any(isinstance(part, Series) for part in walk(node))


def _used(clauses: Sequence[Clause], when: Node | None) -> set[str]:
    """Return the spellings of all that could be an indicator by itself."""
    tops = [] if when is None else [when]
    for clause in clauses:
        tops += clause.trees
    found: set[str] = set()
    seen: set[int] = set()  # of let entries, which many clauses read
    todo = list(tops)
    while todo:
        top = todo.pop()
        for node in walk(top):
            if isinstance(node, Named):
                if id(node.node) in seen:
                    continue
                seen.add(id(node.node))
            elif isinstance(node, Series | AsOf):
                found.add(canonical(node))
    return found
