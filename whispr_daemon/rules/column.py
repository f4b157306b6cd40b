"""The columns a rule reads, and how warm they must be before it may fire."""

from collections.abc import Iterator
from typing import NamedTuple

from whispr_daemon.rules.indicators import KINDS, settling
from whispr_daemon.rules.nodes import DayLevel, DayValue, Node, Series, canonical, children
from whispr_daemon.rules.rule import Require


class Column(NamedTuple):
    """The name of a column.

    ``key`` says of what: a price field, the canonical spelling of a series, ``day(length)``, or
    ``clock``. ``part`` says which: ``value`` or ``count``; of a day ``anchor``, ``atr``, ``high``,
    ``low`` or ``count``; of the clock ``lapse`` or ``bars``.
    """

    key: str
    part: str = "value"


class Need(NamedTuple):
    """A count that must be reached."""

    column: Column
    formed: int
    converged: int
    unit: str  # what is counted, in words

    def least(self, require: Require) -> int:
        """Return the count that suffices."""
        return self.formed if require == "formed" else self.converged


LAPSE = Column("clock", "lapse")
BARS = Column("clock", "bars")


def day_key(length: int) -> str:
    """Return the key of the day levels with an ATR of ``length`` days."""
    return f"day({length})"


def needs_of(node: Node) -> Iterator[Need]:
    """Yield what must be warm for a value to count, that of its operands included."""
    if isinstance(node, Series):
        formed, converged = _series_warmth(node)
        yield Need(Column(canonical(node), "count"), formed, converged, "bars")
    elif isinstance(node, DayLevel | DayValue):
        kind = KINDS["atr"]
        formed = kind.formed(node.length)
        converged = formed + settling(kind.alpha(node.length))
        yield Need(Column(day_key(node.length), "count"), formed, converged, "daily bars")
    for child in children(node):
        yield from needs_of(child)


def _series_warmth(node: Series) -> tuple[int, int]:
    kind = KINDS[node.function]
    formed = kind.formed(node.length)
    # Its inputs start when its source is formed; what the source has yet to settle comes on top.
    unsettled = [
        need.converged - need.formed
        for need in (() if node.source is None else needs_of(node.source))
        if need.unit == "bars"
    ]
    return formed, formed + settling(kind.alpha(node.length)) + max(unsettled, default=0)
