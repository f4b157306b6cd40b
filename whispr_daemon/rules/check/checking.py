"""One pass over a parse tree: what the readers of all its parts share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from lark import Token, Tree

from whispr_daemon.rules.check.rewrite import MAX_NODES, measure
from whispr_daemon.rules.check.scope import Defined, RefusedError, Scope, Span
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.nodes import Node, Type

NUMBERS: Final = (Type.NUM, Type.LEVEL)
TRUTHS: Final = (Type.BOOL, Type.EVENT)
MOST_BROUGHT_IN: Final = 20_000  # nodes, by the names and definitions of all of a rule


class Checking(ABC):
    """Collects the mistakes of one expression. None stands where one has been reported."""

    def __init__(self, scope: Scope, defined: Defined | None = None) -> None:
        """Start with no findings."""
        self.scope = scope
        self.defined = defined
        self.findings: list[Finding] = []

    @abstractmethod
    def visit(self, tree: Tree[Token]) -> Node | None:
        """Return the typed tree of a parse tree."""

    @abstractmethod
    def define(self, text: str, arguments: Mapping[str, Node], at: Span) -> Node | None:
        """Return the typed tree of a definition in the rule language."""

    def number(self, tree: Tree[Token], where: str) -> Node | None:
        """Return the typed tree of what must be a number; ``where`` says to whom."""
        node = self.visit(tree)
        if node is None or node.type in NUMBERS:
            return node
        message = f"{where} needs a number here, this is a {node.type}"
        self.findings.append(Finding(start=node.start, code="E301", message=message))
        return None

    def numbers(self, trees: Iterable[Tree[Token]], where: str) -> tuple[Node, ...] | None:
        """Return the typed trees of what must all be numbers."""
        return complete([self.number(tree, where) for tree in trees])

    def truth(self, tree: Tree[Token]) -> Node | None:
        """Return the typed tree of what must be a condition or an event."""
        node = self.visit(tree)
        if node is None or node.type in TRUTHS:
            return node
        self.findings.append(condition_needed(node))
        return None

    def brought_in(self, node: Node, span: Span) -> Node:
        """Count what a name or a definition stands for.

        Raises:
            RefusedError: it is more than a rule may have.
        """
        size = measure(node)
        self.scope.ledger.nodes += size
        if size > MAX_NODES or self.scope.ledger.nodes > MOST_BROUGHT_IN:
            message = f"this stands for too much: an expression may have {MAX_NODES:,} parts"
            raise RefusedError(span.start, "E103", message)
        return node


Reader: TypeAlias = Callable[[Checking, Tree[Token], Span], Node | None]


def complete(nodes: Iterable[Node | None]) -> tuple[Node, ...] | None:
    """Return the nodes if there is a mistake in none of them."""
    listed: Sequence[Node | None] = list(nodes)
    found = tuple(node for node in listed if node is not None)
    return found if len(found) == len(listed) else None


def condition_needed(node: Node) -> Finding:
    """Return what to say of a value that is no condition."""
    message = f"a condition is needed here, this is a {node.type}"
    return Finding(start=node.start, code="E304", message=message)
