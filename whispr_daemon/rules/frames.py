"""Which rows of a batch a rule sees: its timeframe, its session, in order, each once."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF, DAILY, DAY, HOUR, NANOS_OF
from whispr_daemon.rules.folds import Ints, State
from whispr_daemon.rules.rule import SessionFilter
from whispr_daemon.rules.sessions import Sessions, calendar
from whispr_daemon.rules.table import Table

_NOON: Final = 12 * HOUR
_EXTENDED: Final = (4 * HOUR, 20 * HOUR)  # exchange local time, of the extended session
# State of a slot.
LAST_TS: Final = 0  # end of the last bar evaluated
LAST_DATE: Final = 1  # its session
SEEN: Final = 2  # bars evaluated
CLOCK_INTS: Final = 3


class Clock(NamedTuple):
    """When a rule is evaluated. Rules with the same clock share their frame and indicators."""

    timeframe: str
    session: SessionFilter
    calendar: str  # empty: each instrument's own


class Slots:
    """Numbers the instruments that some rule wants: 0, 1, 2 … in the order they appear."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        """``wanted`` says whether any rule looks at an instrument."""
        self.symbols: list[str] = []
        self._slots: dict[str, int] = {}
        self._wanted = wanted

    def slot(self, symbol: str) -> int:
        """Return the slot of an instrument, a new one if need be; -1 if no rule wants it."""
        found = self._slots.get(symbol)
        if found is None:
            found = len(self.symbols) if self._wanted(symbol) else -1
            self._slots[symbol] = found
            if found >= 0:
                self.symbols.append(symbol)
        return found

    def known(self, symbol: str) -> int:
        """Return the slot of an instrument, -1 if it has none."""
        return self._slots.get(symbol, -1)

    def clear(self) -> None:
        """Forget all instruments."""
        self.symbols.clear()
        self._slots.clear()

    def of(self, codes: NDArray[np.uint32], symbols: Any) -> NDArray[np.int64]:
        """Return the slot of each instrument code."""
        known, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        slots = np.empty(len(known), dtype=np.int64)
        for place in np.argsort(first):  # by first appearance: the same however batches are cut
            slots[place] = self.slot(symbols[known[place]])
        return slots[inverse]


class Selection(NamedTuple):
    """The bars of a batch that wanted instruments have, whatever the timeframe."""

    rows: NDArray[Any]  # EVENT_DTYPE
    at: NDArray[np.int64]  # the place of each in the batch
    slot: NDArray[np.int64]


class Frame(NamedTuple):
    """What one clock sees of a batch. All arrays have shape (n,)."""

    rows: NDArray[Any]  # evaluated rows and daily bars, in order
    at: NDArray[np.int64]  # the place of each in the batch
    slot: NDArray[np.int64]
    date: NDArray[np.int64]  # of the session, days from 1970-01-01
    before: NDArray[np.int64]  # date of the session before
    part: NDArray[np.int64]  # see levels.Days
    clock: NDArray[np.bool_]  # evaluated
    daily: NDArray[np.bool_]  # a daily bar
    lapse: NDArray[np.int64]  # ns since the instrument's last evaluation in the session, else 0
    bars: NDArray[np.int64]  # evaluations of the instrument so far


def select(batch: Batch, slots: Slots) -> Selection | None:
    """Return the bars that matter to any rule, None if there are none."""
    bars = np.flatnonzero(batch.rows["kind"] == Kind.BAR)
    if not len(bars):
        return None
    slot = slots.of(batch.rows["instrument"][bars], batch.symbols)
    known = slot >= 0
    index = bars[known]
    return Selection(batch.rows[index], index, slot[known]) if len(index) else None


class Arrivals(NamedTuple):
    """Rows before it is known whether they are new."""

    slot: Ints
    ts: Ints
    date: Ints
    wanted: Ints  # 0: not of the clock's timeframe, or outside its session


class Admission(NamedTuple):
    """The verdict on each row."""

    fresh: Ints  # 1: evaluate it
    lapse: Ints
    bars: Ints


def admit(rows: int, given: Arrivals, state: State, out: Admission) -> None:
    """Let bars through that are later than the instrument's last; late ones and repeats are not."""
    ints = state.ints
    for r in range(rows):
        if not given.wanted[r]:
            continue
        i = given.slot[r] * CLOCK_INTS
        ts = given.ts[r]
        if ints[i + SEEN] > 0 and ts <= ints[i + LAST_TS]:
            continue
        if ints[i + LAST_DATE] == given.date[r]:
            out.lapse[r] = ts - ints[i + LAST_TS]
        ints[i + LAST_TS] = ts
        ints[i + LAST_DATE] = given.date[r]
        ints[i + SEEN] += 1
        out.bars[r] = ints[i + SEEN]
        out.fresh[r] = 1


class Framer:
    """Makes the frames of one clock and remembers where each instrument stands in it."""

    def __init__(self, clock: Clock, slots: Slots, calendars: Mapping[str, str]) -> None:
        """``calendars`` maps instruments to calendars; ``""`` is the one of all others."""
        self.clock = clock
        self.table = Table(0, CLOCK_INTS)
        self._slots = slots
        self._calendars = calendars
        self._code = CODE_OF[clock.timeframe]

    def seen(self, slot: int) -> int:
        """Return how many bars of an instrument have been evaluated."""
        return int(self.table.ints[slot, SEEN]) if 0 <= slot < len(self.table.ints) else 0

    def frame(self, selection: Selection) -> Frame | None:
        """Return what of the selection this clock evaluates, and the daily bars between."""
        timeframe = selection.rows["timeframe"]
        wanted = np.flatnonzero((timeframe == self._code) | (timeframe == DAILY))
        if not len(wanted):
            return None
        rows, slot = selection.rows[wanted], selection.slot[wanted]
        daily = rows["timeframe"] == DAILY
        date, before, part = self._sessions(rows["ts"], slot, daily)
        arrivals = Arrivals(
            slot.tolist(),
            rows["ts"].tolist(),
            date.tolist(),
            ((rows["timeframe"] == self._code) & (date >= 0)).tolist(),
        )
        admission = Admission(*([0] * len(rows) for _ in Admission._fields))
        state = self.table.state(len(self._slots.symbols))
        admit(len(rows), arrivals, state, admission)
        admitted = np.array(admission.fresh, dtype=np.bool_)
        kept = np.flatnonzero(admitted | (daily & (date >= 0)))
        if not len(kept):
            return None
        return Frame(
            rows[kept],
            selection.at[wanted[kept]],
            slot[kept],
            date[kept],
            before[kept],
            part[kept],
            admitted[kept],
            daily[kept],
            np.array(admission.lapse, dtype=np.int64)[kept],
            np.array(admission.bars, dtype=np.int64)[kept],
        )

    def _sessions(
        self, ts: NDArray[np.int64], slot: NDArray[np.int64], daily: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return date, date of the session before, and part, of each row; -1: no session."""
        if self.clock.calendar:
            return self._located(calendar(self.clock.calendar), ts, daily)
        default = self._calendars[""]
        names = [self._calendars.get(symbol, default) for symbol in self._slots.symbols]
        known = sorted(set(names))
        if len(known) == 1:
            return self._located(calendar(known[0]), ts, daily)
        of_slot = np.array([known.index(name) for name in names])
        found = np.full((3, len(ts)), -1, dtype=np.int64)
        for number, name in enumerate(known):
            mine = np.flatnonzero(of_slot[slot] == number)
            if len(mine):
                found[:, mine] = self._located(calendar(name), ts[mine], daily[mine])
        return found[0], found[1], found[2]

    def _located(
        self, sessions: Sessions, ts: NDArray[np.int64], daily: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        start = ts - np.where(daily, DAY, NANOS_OF[self._code])
        index, part = _intraday(sessions, start, ts, self.clock.session)
        if daily.any():
            # Noon is on the right date however the source rounds midnight or DST moves it.
            of_day = sessions.on_date(sessions.local_day(start + _NOON))
            index, part = np.where(daily, of_day, index), np.where(daily, 0, part)
        date = np.where(index < 0, -1, sessions.date[index])
        before = np.where(index < 1, -1, sessions.date[index - 1])
        return date, before, part


def _intraday(
    sessions: Sessions,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    session: SessionFilter,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    regular = sessions.find(start)
    opens, closes = sessions.open[regular], sessions.close[regular]
    part = np.where(regular < 0, 0, 1 + 2 * (start == opens) + 4 * (end >= closes))
    if session == "rth":
        return regular, part
    day = sessions.local_day(start)
    if session == "eth":
        clock = start - sessions.local_midnight(day)
        within = (clock >= _EXTENDED[0]) & (clock < _EXTENDED[1])
        return np.where(within, sessions.on_date(day), -1), part
    # Round the clock: a day without a session belongs to the next one.
    index = np.searchsorted(sessions.date, day)
    return np.where(index < len(sessions), index, -1), part
