"""Expression text in; typed tree out, with every mistake named."""

from collections.abc import Mapping
from typing import Final

from lark import Token, Tree
from typing_extensions import override

from whispr_daemon.rules.check import calls, literals, names, operators
from whispr_daemon.rules.check.checking import TRUTHS, Checking, Reader, condition_needed
from whispr_daemon.rules.check.parse import SyntaxRefusedError, definition, parse
from whispr_daemon.rules.check.parse_tree import span_of
from whispr_daemon.rules.check.rewrite import MAX_DEPTH, depth
from whispr_daemon.rules.check.scope import Defined, RefusedError, Scope, Span, Vocabulary
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.nodes import Node

_READERS: Final[dict[str, Reader]] = {  # by the grammar's name of a tree
    **literals.READERS,
    **names.READERS,
    **calls.READERS,
    **operators.READERS,
}
MOST_CHARACTERS: Final = 40_000  # of all expressions of a rule
_MOST_DEFINITIONS: Final = 12  # within one another


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
    told = scope.ledger.characters > MOST_CHARACTERS
    scope.ledger.characters += len(text)
    if told:
        return checked
    if scope.ledger.characters > MOST_CHARACTERS:
        message = f"the expressions of this rule have more than {MOST_CHARACTERS:,} characters"
        checked.findings.append(Finding(start=0, code="E103", message=message))
        return checked
    try:
        tree = parse(text)
    except SyntaxRefusedError as error:
        checked.findings.append(error.finding)
        return checked
    pass_ = _Pass(scope)
    node = pass_.visit(tree)
    checked.findings = pass_.findings
    if node is not None and depth(node) > MAX_DEPTH:
        message = f"nested more than {MAX_DEPTH} deep, with what its names stand for"
        checked.findings.append(Finding(start=0, code="E103", message=message))
    if not any(finding.severity == "error" for finding in checked.findings):
        checked.node = node
    return checked


class _Pass(Checking):
    @override
    def visit(self, tree: Tree[Token]) -> Node | None:
        try:
            span = span_of(tree) if self.defined is None else self.defined.at
            return _READERS[str(tree.data)](self, tree, span)
        except RefusedError as error:
            self.findings.append(error.finding)
            return None

    @override
    def define(self, text: str, arguments: Mapping[str, Node], at: Span) -> Node | None:
        deep = 1 if self.defined is None else self.defined.depth + 1
        if deep > _MOST_DEFINITIONS:
            raise RefusedError(at.start, "E103", "a function that is defined by itself")
        scope = self.scope.knowing(Vocabulary())
        inner = _Pass(scope, Defined(at, arguments, deep))
        node = inner.visit(definition(text))
        self.findings += (found for found in inner.findings if found.severity == "error")
        return node
