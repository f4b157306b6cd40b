"""The columns a rule reads, and the counts that must be reached before it may fire."""

from typing import Final, Literal, NamedTuple, TypeAlias

from whispr_daemon.rules.nodes import Ladder
from whispr_daemon.rules.tree import spelled

Require: TypeAlias = Literal["converged", "formed"]


class Column(NamedTuple):
    """The name of a column.

    ``key`` says of what: a price field, the canonical spelling of a node (a series, an ``AsOf``, a
    ``Forming``, a ``SessionValue`` …), ``level(ladder)``, or ``clock``. ``part`` says which:
    ``value``, ``count`` (how many inputs came so far, which says how warm the value is) or, of a
    plug-in's function, ``fault`` (1 where it raised, else 0); of another symbol ``ended`` (ns UTC,
    the end of the bar its value is of); of a
    ladder ``anchor``, ``atr``, ``high``, ``low`` or ``count``; of the clock ``ts`` (ns UTC, of the
    evaluation), ``date`` (of the session, days from 1970-01-01), ``day`` (of the exchange's clock),
    ``lapse``, ``bars`` or, in tick evaluation, ``bar`` (a number that grows from bar to bar of the
    timeframe: in which the tick falls).
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


TS = Column("clock", "ts")
DATE = Column("clock", "date")
DAY = Column("clock", "day")
LAPSE = Column("clock", "lapse")
BARS = Column("clock", "bars")
BAR = Column("clock", "bar")
SLOT = Column("clock", "slot")  # of the instrument
PRICE = Column("price")
ORDER = Column("clock", "order")  # in the batch; see columns.frames.Frame


_WHOLE: Final = frozenset(
    {"count", "fault", "ended"}
    | {column.part for column in (TS, DATE, DAY, LAPSE, BARS, BAR, SLOT, ORDER)}
)


def is_whole(column: Column) -> bool:
    """Is it a column of integers? All others are of floats."""
    return column.part in _WHOLE


def ended(key: str) -> Column:
    """Return the column of when the bars ended whose values of another symbol are under a key."""
    return Column(key, "ended")


def level_key(ladder: Ladder) -> str:
    """Return the key of the levels of a ladder."""
    return f"level({spelled(ladder)})"
