"""The indicators a rule declares: do they exist, and does a clause read them?"""

from collections.abc import Sequence

from whispr_daemon.rules.actions import reads
from whispr_daemon.rules.check.scope import RefusedError, Span, name_node
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.document.document import Document, Path
from whispr_daemon.rules.nodes import Series
from whispr_daemon.rules.rule import Clause
from whispr_daemon.rules.tree import canonical, walk

_PATH: Path = ("inputs", "indicators")


def check_declarations(
    document: Document, declared: object, clauses: Sequence[Clause] | None
) -> None:
    """Report what is no indicator and, unless ``clauses`` is None, what no clause reads."""
    if isinstance(declared, dict):
        document.report(document.key(_PATH), "E590", "a map of indicators is not evaluated yet")
        return
    used = None if clauses is None else {name for one in clauses for name in _series_of(one)}
    for index, name in enumerate(declared if isinstance(declared, list) else ()):
        if isinstance(name, str):
            document.add(_findings(name, used), (*_PATH, index))


def _findings(name: str, used: set[str] | None) -> list[Finding]:
    try:
        node = name_node(name, Span(0, len(name)))
    except RefusedError as error:
        return [error.finding]
    if not isinstance(node, Series):
        return [Finding(start=0, code="E201", message=f"{name!r} is not an indicator")]
    if used is not None and canonical(node) not in used:
        message = f"{name} is declared and not used"
        return [Finding(start=0, code="W101", message=message, severity="info")]
    return []


def _series_of(clause: Clause) -> set[str]:
    read = [] if clause.condition is None else [clause.condition]
    for action in clause.actions:
        read += reads(action)
    nodes = [node for top in read for node in walk(top)]
    return {canonical(node) for node in nodes if isinstance(node, Series)}
