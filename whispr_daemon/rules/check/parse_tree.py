"""Ways into a parse tree."""

from typing import cast

from lark import Token, Tree

from whispr_daemon.rules.check.scope import Span


def span_of(tree: Tree[Token]) -> Span:
    """Return the characters a tree was read from."""
    return Span(tree.meta.start_pos, tree.meta.end_pos)


def subtrees(tree: Tree[Token]) -> list[Tree[Token]]:
    """Return the children that are no tokens."""
    return [child for child in tree.children if isinstance(child, Tree)]


def arguments(tree: Tree[Token]) -> list[Tree[Token]]:
    """Return the arguments of a call, which may be named ones (``kwarg``)."""
    for child in subtrees(tree):
        if child.data == "args":
            return subtrees(child)
    return []


def chain(tree: Tree[Token]) -> tuple[str | None, list[str]]:
    """Split ``a.b.c`` into ``a`` and [b, c]; the first is None if it is not a name."""
    parts: list[str] = []
    node = tree
    while node.data in ("attr", "method"):
        parts.insert(0, str(node.children[1]))
        node = cast("Tree[Token]", node.children[0])
    return (str(node.children[0]) if node.data == "name" else None), parts
