"""What one clock sees of a batch: its timeframe, its session, in order, each bar once."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.timeframe import CODE_OF, DAILY, NANOS_OF
from whispr_daemon.rules.columns.admission import CLOCK_INTS, SEEN, Admission, Arrivals, admit
from whispr_daemon.rules.columns.location import Location, locate, locate_days
from whispr_daemon.rules.columns.sessions import Sessions, calendar
from whispr_daemon.rules.columns.slots import Selection, Slots, picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.rule import SessionFilter


class Clock(NamedTuple):
    """When a rule is evaluated. Rules with the same clock share their frame and indicators."""

    timeframe: str
    session: SessionFilter
    calendar: str  # empty: each instrument's own


class Frame(NamedTuple):
    """Evaluated bars and the daily bars between them, in order. All arrays have shape (n,)."""

    rows: NDArray[Any]  # EVENT_DTYPE
    at: NDArray[np.int64]  # the place of each in the batch
    slot: NDArray[np.int64]
    where: Location
    daily: NDArray[np.bool_]  # a daily bar
    clock: NDArray[np.bool_]  # evaluated
    evaluated: NDArray[np.int64]  # the places of those, shape (m,)
    lapse: NDArray[np.int64]  # ns since the instrument's last evaluation in the session, else 0
    bars: NDArray[np.int64]  # evaluations of the instrument so far


class Framer:
    """Makes the frames of one clock and remembers where each instrument stands in it."""

    def __init__(self, clock: Clock, slots: Slots, calendars: Mapping[str, str]) -> None:
        """``calendars`` maps instruments to calendars; ``""`` is the one of all others."""
        self.clock = clock
        self.table = Table(0, CLOCK_INTS)
        self._slots = slots
        self._calendars = {"": clock.calendar} if clock.calendar else calendars
        self._code = CODE_OF[clock.timeframe]

    def seen(self, slot: int) -> int:
        """Return how many bars of an instrument have been evaluated."""
        return int(self.table.ints[slot, SEEN]) if 0 <= slot < len(self.table.ints) else 0

    def frame(self, selection: Selection) -> Frame | None:
        """Return what of the selection this clock evaluates, and the daily bars between."""
        timeframe = selection.rows["timeframe"]
        mine, daily = timeframe == self._code, timeframe == DAILY
        wanted = (mine | daily).nonzero()[0]
        if not len(wanted):
            return None
        mine, daily = picked(mine, wanted), picked(daily, wanted)
        rows, slot = picked(selection.rows, wanted), picked(selection.slot, wanted)
        where = self._located(rows["ts"], slot, daily)
        inside = where.date >= 0
        admission = self._admitted(rows["ts"], slot, where.date, mine & inside)
        fresh = np.array(admission.fresh, dtype=np.bool_)
        kept = (fresh | (daily & inside)).nonzero()[0]
        if not len(kept):
            return None
        clock = picked(fresh, kept)
        return Frame(
            picked(rows, kept),
            picked(picked(selection.at, wanted), kept),
            picked(slot, kept),
            Location(*(picked(column, kept) for column in where)),
            picked(daily, kept),
            clock,
            clock.nonzero()[0],
            picked(np.array(admission.lapse, dtype=np.int64), kept),
            picked(np.array(admission.bars, dtype=np.int64), kept),
        )

    def _admitted(
        self,
        ts: NDArray[np.int64],
        slot: NDArray[np.int64],
        date: NDArray[np.int64],
        wanted: NDArray[np.bool_],
    ) -> Admission:
        count = len(ts)
        admission = Admission([0] * count, [0] * count, [0] * count)
        state = self.table.state(len(self._slots.symbols))
        arrivals = Arrivals(slot.tolist(), ts.tolist(), date.tolist(), wanted.tolist())
        admit(count, arrivals, state, admission)
        return admission

    def _located(
        self, ts: NDArray[np.int64], slot: NDArray[np.int64], daily: NDArray[np.bool_]
    ) -> Location:
        if len(self._calendars) == 1:
            return self._in_calendar(calendar(self._calendars[""]), ts, daily)
        default = self._calendars[""]
        symbols = self._slots.symbols
        names = np.array([self._calendars.get(symbols[one], default) for one in slot.tolist()])
        found = Location(*np.full((3, len(ts)), -1, dtype=np.int64))
        for name in np.unique(names):
            mine = (names == name).nonzero()[0]
            part = self._in_calendar(calendar(str(name)), ts[mine], daily[mine])
            for column, values in zip(found, part, strict=True):
                column[mine] = values
        return found

    def _in_calendar(
        self, sessions: Sessions, ts: NDArray[np.int64], daily: NDArray[np.bool_]
    ) -> Location:
        days = daily.nonzero()[0]
        if not len(days):
            return locate(sessions, ts, NANOS_OF[self._code], self.clock.session)
        if len(days) == len(ts):
            return locate_days(sessions, ts)
        found = locate(sessions, ts, NANOS_OF[self._code], self.clock.session)
        for column, values in zip(found, locate_days(sessions, ts[days]), strict=True):
            column[days] = values
        return found
