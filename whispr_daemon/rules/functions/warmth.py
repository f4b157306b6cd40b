"""How warm the values that an expression reads must be."""

from collections.abc import Iterator

from whispr_daemon.rules.column import Column, Need, level_key
from whispr_daemon.rules.functions.folds import settling
from whispr_daemon.rules.functions.table import fold_of
from whispr_daemon.rules.nodes import Level, LevelValue, Node, Series
from whispr_daemon.rules.tree import canonical, children


def needs_of(node: Node) -> Iterator[Need]:
    """Yield what must be warm for a value to count, that of its operands included."""
    if isinstance(node, Series):
        formed, converged = _series_warmth(node)
        yield Need(Column(canonical(node), "count"), formed, converged, "bars")
    elif isinstance(node, Level) and node.ratio == 0:
        yield Need(Column(level_key(node.ladder), "count"), 1, 1, "daily bars")  # the anchor alone
    elif isinstance(node, Level | LevelValue):
        folded = fold_of("atr")
        formed = folded.formed(node.ladder.length)
        converged = formed + settling(folded.alpha(node.ladder.length))
        yield Need(Column(level_key(node.ladder), "count"), formed, converged, "daily bars")
    for child in children(node):
        yield from needs_of(child)


def _series_warmth(node: Series) -> tuple[int, int]:
    folded = fold_of(node.function)
    formed = folded.formed(node.length)
    # Its inputs start when its source is formed; what the source has yet to settle comes on top.
    unsettled = [
        need.converged - need.formed
        for need in (() if node.source is None else needs_of(node.source))
        if need.unit == "bars"
    ]
    return formed, formed + settling(folded.alpha(node.length)) + max(unsettled, default=0)
