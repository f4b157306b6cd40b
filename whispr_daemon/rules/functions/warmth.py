"""How warm the values that an expression reads must be.

A value is formed when it is defined, and converged when what it started from has less than 1e-6 of
a say in it: ln(1e-6) / ln(1 - weight) inputs later. What is computed of what has yet to converge
itself converges that much later.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from whispr_daemon.rules.column import BARS, Column, Need, level_key
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

    What an AsOf or Forming reads is counted on the other clock: see :func:`carried_counts`.
    """
    if isinstance(node, AsOf | Forming):
        unit, whose = _clock_unit(node)
        carried = carried_counts(node)
        for need in (*needs_of(node.node), Need(BARS, 1, 1, _BARS)):
            if need.column in carried:
                words = unit if need.unit == _BARS else need.unit
                yield need._replace(column=carried[need.column], unit=f"{words}{whose}")
        return
    if isinstance(node, Series):
        yield _series_need(node)
    elif isinstance(node, Level | LevelValue):
        formed, settling_bars = warmth(node)
        column = Column(level_key(node.ladder), "count")
        yield Need(column, formed, formed + settling_bars, _PERIODS[node.ladder.mode])
    for child in children(node):
        yield from needs_of(child)


def carried_counts(node: AsOf | Forming) -> Mapping[Column, Column]:
    """Return the counts of the other clock that say how warm a value of it is, by their names here.

    They are those of the value there: of its inputs, of the periods of its levels. Where nothing
    in it needs any it is the bars of that clock.
    """
    key, inner = canonical(node), canonical(node.node)
    carried = {}
    for column in [need.column for need in needs_of(node.node)] or [BARS]:
        own = column in (BARS, (inner, "count"))
        carried[column] = Column(key if own else f"{key} {column.key}", "count")
    return carried


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


def _clock_unit(node: AsOf | Forming) -> tuple[str, str]:
    """Return what bars of a clock are called, and whose they are if another symbol's."""
    unit = _NAMED.get(node.timeframe, f"{node.timeframe} bars")
    symbol = (node.alias or node.symbol) if isinstance(node, AsOf) else ""
    return unit, f" of {symbol}" if symbol else ""
