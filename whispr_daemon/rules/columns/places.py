"""Where rows of instruments with different calendars stand in their sessions."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.location import Location, locate, locate_days
from whispr_daemon.rules.columns.sessions import Sessions
from whispr_daemon.rules.columns.slots import Slots
from whispr_daemon.rules.rule import SessionFilter

Ints: TypeAlias = NDArray[np.int64]
Asked: TypeAlias = Callable[[Sessions, Ints], Sequence[Ints]]


class Places:
    """Calendars by slot."""

    def __init__(self, slots: Slots, calendars: Mapping[str, str]) -> None:
        """``calendars`` maps instruments to calendars; ``""`` is the one of all others."""
        self._slots = slots
        self._calendars = calendars

    @property
    def slots(self) -> int:
        """How many instruments have a slot."""
        return len(self._slots.symbols)

    @property
    def only(self) -> str:
        """The calendar of all instruments, empty if they have several."""
        return self._calendars[""] if len(self._calendars) == 1 else ""

    @property
    def symbols(self) -> list[str]:
        """The instruments by slot."""
        return self._slots.symbols

    def known(self, symbol: str) -> int:
        """Return the slot of an instrument, -1 if it has none."""
        return self._slots.known(symbol)

    def located(self, slot: Ints, ends: tuple[Ints, Ints], session: SessionFilter) -> Location:
        """Locate rows by (start, end), ns UTC."""
        start, end = ends
        return Location(
            *self.each(slot, lambda found, at: locate(found, start[at], end[at], session))
        )

    def days(self, slot: Ints, end: Ints) -> Location:
        """Locate daily bars by their ends."""
        return Location(*self.each(slot, lambda found, at: locate_days(found, end[at])))

    def next_open(self, slot: Ints, index: Ints) -> Ints:
        """Return when the session after that of an index opens."""
        return self.each(
            slot, lambda found, at: (found.open[np.minimum(index[at] + 1, len(found) - 1)],)
        )[0]

    def each(self, slot: Ints, asked: Asked) -> Sequence[Ints]:
        """Return what ``asked(sessions, rows)`` gives for the rows of each calendar, as columns."""
        default = self._calendars[""]
        symbols = self._slots.symbols
        if len(self._calendars) == 1 or not symbols:  # before any instrument come clock ticks
            return asked(calendar(default), np.arange(len(slot)))
        named = [self._calendars.get(symbols[one], default) for one in slot.tolist()]
        names = np.array(named, dtype=object)
        columns: list[Ints] = []
        for name in sorted(set(named)):
            mine = (names == name).nonzero()[0]
            parts = asked(calendar(name), mine)
            if not columns:
                columns = [np.zeros(len(slot), dtype=np.asarray(part).dtype) for part in parts]
            for column, values in zip(columns, parts, strict=True):
                column[mine] = values
        return columns or asked(calendar(default), np.arange(0))
