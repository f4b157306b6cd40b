"""Typed trees made of typed trees: over other operands, at another place; and how big they are."""

from collections.abc import Sequence
from typing import Final

import msgspec

from whispr_daemon.rules.check.scope import Span
from whispr_daemon.rules.nodes import (
    Arithmetic,
    AsOf,
    Call,
    Compare,
    Forming,
    Logic,
    Named,
    Negative,
    Node,
    Not,
    Series,
)
from whispr_daemon.rules.tree import children

MAX_NODES: Final = 2000  # of one expression, with all that its names stand for
MAX_DEPTH: Final = 150


def with_children(node: Node, below: Sequence[Node]) -> Node:
    """Return the node over other operands."""
    replace = msgspec.structs.replace
    match node:
        case Series():
            return replace(node, source=below[0], others=tuple(below[1:])) if below else node
        case Arithmetic() | Compare():
            return replace(node, left=below[0], right=below[1])
        case Negative() | Not():
            return replace(node, operand=below[0])
        case Call():
            return replace(node, arguments=tuple(below))
        case Logic():
            return replace(node, operands=tuple(below))
        case AsOf() | Forming() | Named():
            return replace(node, node=below[0])
        case _:
            return node


def relocated(node: Node, span: Span) -> Node:
    """Return the tree as if all of it stood at ``span``."""
    below = [relocated(child, span) for child in children(node)]
    return msgspec.structs.replace(with_children(node, below), start=span.start, end=span.end)


def measure(node: Node) -> int:
    """Return how many nodes a tree has, counted up to a little more than the most allowed."""
    count = 0
    todo = [node]
    while todo and count <= MAX_NODES:
        below = children(todo.pop())
        count += 1
        todo += below
    return count


def depth(node: Node) -> int:
    """Return how deep a tree is, of one with not too many nodes."""
    deepest, level = 0, [node]
    while level and deepest <= MAX_DEPTH:
        deepest += 1
        level = [child for parent in level for child in children(parent)]
    return deepest
