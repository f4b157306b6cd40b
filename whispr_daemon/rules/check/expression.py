"""Expression text in; typed tree out, with every mistake named."""

from typing import Final

from lark import Token, Tree
from typing_extensions import override

from whispr_daemon.rules.check import calls, literals, names, operators
from whispr_daemon.rules.check.checking import TRUTHS, Checking, Reader, condition_needed
from whispr_daemon.rules.check.parse import SyntaxRefusedError, parse
from whispr_daemon.rules.check.parse_tree import span_of
from whispr_daemon.rules.check.scope import RefusedError, Scope
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.nodes import Node

_READERS: Final[dict[str, Reader]] = {  # by the grammar's name of a tree
    **literals.READERS,
    **names.READERS,
    **calls.READERS,
    **operators.READERS,
}


class Checked:
    """What came of one expression: a node, unless there are errors among the findings."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.node: Node | None = None
        self.findings: list[Finding] = []


def check_condition(text: str, scope: Scope) -> Checked:
    """Check an expression that must be a condition or an event."""
    checked = check(text, scope)
    node = checked.node
    if node is not None and node.type not in TRUTHS:
        checked.findings.append(condition_needed(node))
        checked.node = None
    return checked


def check(text: str, scope: Scope) -> Checked:
    """Check an expression of any type."""
    checked = Checked()
    try:
        tree = parse(text)
    except SyntaxRefusedError as error:
        checked.findings.append(error.finding)
        return checked
    pass_ = _Pass(scope)
    node = pass_.visit(tree)
    checked.findings = pass_.findings
    if not any(finding.severity == "error" for finding in pass_.findings):
        checked.node = node
    return checked


class _Pass(Checking):
    @override
    def visit(self, tree: Tree[Token]) -> Node | None:
        try:
            return _READERS[str(tree.data)](self, tree, span_of(tree))
        except RefusedError as error:
            self.findings.append(error.finding)
            return None
