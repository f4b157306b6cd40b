"""How warm the values that an expression reads must be.

A value is formed when it is defined, and converged when what it started from has less than 1e-6 of
a say in it: ln(1e-6) / ln(1 - weight) inputs later. What is computed of what has yet to converge
itself converges that much later.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from whispr_daemon.rules.column import Column, Need, level_key
from whispr_daemon.rules.functions.folds import settling
from whispr_daemon.rules.functions.table import fold_of
from whispr_daemon.rules.nodes import AsOf, Forming, Ladder, Level, LevelValue, Node, Series
from whispr_daemon.rules.tree import canonical, children

_BARS: Final = "bars"
_PERIODS: Final = {  # of a ladder's mode
    "day": "daily bars",
    "multiday": "weekly bars",
    "swing": "monthly bars",
    "position": "quarterly bars",
    "longterm": "yearly bars",
    "scalp": "4h bars",
}
_NAMED: Final = {"1d": "daily bars", "1w": "weekly bars", "1mo": "monthly bars"}


class Warmth(NamedTuple):
    """Bars of one clock: until a value is formed, and how many more until it has converged."""

    formed: int
    settling: int


def needs_of(node: Node) -> Iterator[Need]:
    """Yield what must be warm for a value to count, that of its operands included.

    Counts of another clock or symbol are those of the column of the AsOf or Forming: the completed
    bars there.
    """
    if isinstance(node, AsOf | Forming):
        formed, settling_bars = warmth(node.node)
        column = Column(canonical(node), "count")
        yield Need(column, formed, formed + settling_bars, _clock_unit(node))
        return  # what is below it is of another clock
    if isinstance(node, Series):
        yield _series_need(node)
    elif isinstance(node, Level | LevelValue):
        formed, settling_bars = warmth(node)
        column = Column(level_key(node.ladder), "count")
        yield Need(column, formed, formed + settling_bars, _PERIODS[node.ladder.mode])
    for child in children(node):
        yield from needs_of(child)


def warmth(node: Node) -> Warmth:
    """Return how many bars of its clock a value needs, all that it is made of included."""
    if isinstance(node, Level) and node.ratio == 0:
        return Warmth(1, 0)  # the anchor alone
    if isinstance(node, Level | LevelValue):
        return _of_atr(node.ladder)
    if isinstance(node, AsOf | Forming):
        return Warmth(1, 0)  # of another clock
    below = [warmth(child) for child in children(node)]
    formed = max((one.formed for one in below), default=1)
    settles = max((one.settling for one in below), default=0)
    if not isinstance(node, Series):
        return Warmth(formed, settles)
    folded = fold_of(node.function)
    more = settling(folded.alpha(node.length))
    return Warmth(formed + folded.formed(node.length) - 1, settles + more)


def _series_need(node: Series) -> Need:
    """Its count is of its own inputs, which start when its sources are formed."""
    formed = fold_of(node.function).formed(node.length)
    column = Column(canonical(node), "count")
    return Need(column, formed, formed + warmth(node).settling, _BARS)


def _of_atr(ladder: Ladder) -> Warmth:
    folded = fold_of("atr")
    return Warmth(folded.formed(ladder.length), settling(folded.alpha(ladder.length)))


def _clock_unit(node: AsOf | Forming) -> str:
    unit = _NAMED.get(node.timeframe, f"{node.timeframe} bars")
    if isinstance(node, AsOf) and node.symbol:
        return f"{unit} of {node.alias or node.symbol}"
    return unit
