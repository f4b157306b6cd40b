"""The columns a rule reads, and the counts that must be reached before it may fire."""

from typing import Literal, NamedTuple, TypeAlias

Require: TypeAlias = Literal["converged", "formed"]


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
