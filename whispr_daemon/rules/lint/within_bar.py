"""What is never above what: prices of one bar, and extremes that have the bar itself in them."""

from typing import Final

from whispr_daemon.rules.nodes import Named, Node, Price, Series
from whispr_daemon.rules.tree import canonical

_LOWEST: Final = "low"
_HIGHEST: Final = "high"
_BETWEEN: Final = ("open", "close", "hl2", "hlc3", "ohlc4")


def never_above(node: Node, other: Node) -> bool:
    """Is a value at most another on every bar, whatever the market does?

    ``close`` is never above ``high``, nor above ``highest(high, 20)``, which has this bar in it.
    """
    one, two = _bare(node), _bare(other)
    if canonical(one) == canonical(two):
        return True
    if isinstance(one, Series) and one.function == "lowest" and one.source is not None:
        return never_above(one.source, two)
    if isinstance(two, Series) and two.function == "highest" and two.source is not None:
        return never_above(one, two.source)
    if not (isinstance(one, Price) and isinstance(two, Price)):
        return False
    fields = one.field, two.field
    known = (_LOWEST, *_BETWEEN, _HIGHEST)
    ends = one.field == _LOWEST or two.field == _HIGHEST
    return ends and all(field in known for field in fields)


def has_the_bar(node: Node) -> Series | None:
    """Return the extreme below a value that has the bar itself in it, if that is what it is."""
    bare = _bare(node)
    if isinstance(bare, Series) and bare.function in ("highest", "lowest"):
        return bare
    return None


def _bare(node: Node) -> Node:
    while isinstance(node, Named):
        node = node.node
    return node
