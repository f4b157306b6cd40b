"""Ways into a parse tree."""

from typing import NamedTuple, cast

from lark import Token, Tree

from whispr_daemon.rules.check.scope import Span


class Segment(NamedTuple):
    """What stands behind a dot: a word, and maybe arguments."""

    word: str
    arguments: list[Tree[Token]] | None = None


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


def dotted(tree: Tree[Token]) -> tuple[Tree[Token], list[Segment]]:
    """Split ``a.b(1).c`` into the tree of ``a`` and [b with its arguments, c]."""
    segments: list[Segment] = []
    node = tree
    while node.data in ("attr", "method"):
        given = arguments(node) if node.data == "method" else None
        segments.append(Segment(str(node.children[1]), given))
        node = cast("Tree[Token]", node.children[0])
    return node, segments[::-1]
