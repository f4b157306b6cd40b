"""What one clock sees of a batch: its bars of its session, in order, each once."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.ticks import GRACE
from whispr_daemon.domain.timeframe import CODE_OF, DAILY, NANOS_OF
from whispr_daemon.rules.columns import making as making_of
from whispr_daemon.rules.columns.admission import (
    CLOCK_INTS,
    EVALUATE,
    LOOK,
    PEEK,
    SEEN,
    Admission,
    Arrivals,
    admit,
)
from whispr_daemon.rules.columns.clock import PERIODS, Clock
from whispr_daemon.rules.columns.gather import gather
from whispr_daemon.rules.columns.location import Location
from whispr_daemon.rules.columns.making import Arrived, Gathered, Making
from whispr_daemon.rules.columns.periods import PERIOD_FLOATS, PERIOD_INTS, in_periods, period_of
from whispr_daemon.rules.columns.places import Places
from whispr_daemon.rules.columns.slots import Selection, picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.functions.folds import State
from whispr_daemon.rules.jit import UNCOMPILED, Compiler, Group, recipe_of
from whispr_daemon.rules.rule import SessionFilter

_LENGTHS: Final = np.array(NANOS_OF, dtype=np.int64)
_ADMIT: Final = recipe_of(
    admit,
    "int",
    Group(("ints",) * 4, Arrivals),
    Group(("floats", "ints"), State),
    Group(("ints",) * 3, Admission),
)


class Bars(NamedTuple):
    """Bars of a clock before it is known which are new. All arrays have shape (n,)."""

    rows: NDArray[Any]  # EVENT_DTYPE
    order: NDArray[np.int64]  # twice the place in the batch, and 1 more if not just before it
    slot: NDArray[np.int64]
    start: NDArray[np.int64]  # ns UTC
    role: NDArray[np.int64]  # see gather


class Frame(NamedTuple):
    """Rows of a clock and what lies between, by (order, ts). All arrays have shape (n,)."""

    rows: NDArray[Any]  # EVENT_DTYPE
    order: NDArray[np.int64]
    slot: NDArray[np.int64]
    start: NDArray[np.int64]  # ns UTC
    where: Location
    daily: NDArray[np.bool_]  # a daily bar
    bar: NDArray[np.bool_]  # a bar of the clock, in its session or around it
    clock: NDArray[np.bool_]  # evaluated
    peek: NDArray[np.bool_]  # evaluated, and a bar in the making
    evaluated: NDArray[np.int64]  # the places of those, shape (m,)
    lapse: NDArray[np.int64]  # ns since the instrument's last evaluation in the session, else 0
    bars: NDArray[np.int64]  # evaluations of the instrument so far


class Framer:
    """Makes the frames of one clock and remembers where each instrument stands in it."""

    def __init__(self, clock: Clock, places: Places, compiler: Compiler = UNCOMPILED) -> None:
        """``clock`` evaluates bars; of a clock of ticks it is the base."""
        self.clock = clock
        self.around = False  # keep the bars outside the session
        self.table = Table(0, CLOCK_INTS)
        self.making = Table(making_of.FLOATS, making_of.INTS)
        self.periods = Table(PERIOD_FLOATS, PERIOD_INTS)
        self.places = places
        self._compiler = compiler
        self._long = clock.timeframe in PERIODS
        self.code = DAILY if self._long else CODE_OF[clock.timeframe]
        self._mark = CODE_OF["1w"] if self._long else self.code  # of what leaves
        self.length = NANOS_OF[self.code]

    def seen(self, slot: int) -> int:
        """Return how many bars of an instrument have been evaluated."""
        return int(self.table.ints[slot, SEEN]) if 0 <= slot < len(self.table.ints) else 0

    def counts(self, slots: int) -> NDArray[np.int64]:
        """Return the same of each slot, and 0 of an instrument not seen so far."""
        return self.table.counts(SEEN, slots)

    def tables(self) -> dict[str, Table]:
        """Return its state by name."""
        return {"clock": self.table, "making": self.making, "periods": self.periods}

    def frame(self, selection: Selection) -> Frame | None:
        """Return what of the selection this clock evaluates, and the daily bars between."""
        bars = self._bars(selection)
        if bars is None:
            return None
        daily = bars.rows["timeframe"] == DAILY
        where = self.places.located(bars.slot, (bars.start, bars.rows["ts"]), self._session())
        inside = where.date >= 0
        peek = bars.role == making_of.PEEK
        mine = bars.rows["timeframe"] == self._mark
        whole = mine & (bars.role == making_of.WHOLE_BAR)
        wanted = np.where(whole & inside, EVALUATE, 0)
        wanted[mine & (bars.role == making_of.OUTSIDE)] = LOOK
        wanted[peek] = PEEK
        admission = self._admitted(bars, where.date, wanted)
        fresh = np.array(admission.fresh, dtype=np.bool_)
        clock = fresh & (wanted != LOOK)
        kept = (fresh | (daily & inside)).nonzero()[0]
        if not len(kept):
            return None
        clock = picked(clock, kept)
        return Frame(
            rows=picked(bars.rows, kept),
            order=picked(bars.order, kept),
            slot=picked(bars.slot, kept),
            start=picked(bars.start, kept),
            where=Location(*(picked(column, kept) for column in where)),
            daily=picked(daily, kept),
            bar=picked(fresh & mine & ~peek, kept),
            clock=clock,
            peek=picked(peek, kept),
            evaluated=clock.nonzero()[0],
            lapse=picked(np.array(admission.lapse, dtype=np.int64), kept),
            bars=picked(np.array(admission.bars, dtype=np.int64), kept),
        )

    def _session(self) -> SessionFilter:
        return "rth" if self.code == DAILY else self.clock.session

    def _admitted(
        self, bars: Bars, date: NDArray[np.int64], wanted: NDArray[np.int64]
    ) -> Admission:
        count, slots = len(date), self.places.slots
        arrivals = Arrivals(bars.slot, bars.rows["ts"], date, wanted)
        kernel = self._compiler.compiled(_ADMIT, count)
        if kernel is not None:
            flat = (np.ascontiguousarray(column, dtype=np.int64) for column in arrivals)
            quick = Admission(*np.zeros((3, count), dtype=np.int64))
            kernel(count, Arrivals(*flat), self.table.arrays(slots), quick)
            return quick
        admission = Admission([0] * count, [0] * count, [0] * count)
        lists = Arrivals(*(column.tolist() for column in arrivals))
        admit(count, lists, self.table.state(slots), admission)
        return admission

    # ------------------------------------------------------------------ bars
    def _bars(self, selection: Selection) -> Bars | None:
        rows, slot = selection.rows, selection.slot
        bar = rows["kind"] == Kind.BAR
        length = _LENGTHS[rows["timeframe"]]
        mine = bar & (rows["timeframe"] == self.code)
        made = self._made_of(selection, bar & ~mine, length)
        daily = bar & (rows["timeframe"] == DAILY)
        if made is None:
            kept = (mine | daily).nonzero()[0]
            return self._plain(selection, kept) if len(kept) else None
        kept = (made | mine | (rows["kind"] == Kind.CLOCK)).nonzero()[0]
        part = Selection(picked(rows, kept), picked(selection.at, kept), picked(slot, kept))
        found = self._gathered(part)
        if self._mark != DAILY and daily.any():
            between = self._official(selection, daily.nonzero()[0])
            found = Bars(*(np.concatenate(pair) for pair in zip(found, between, strict=True)))
        if not len(found.order):
            return None
        sorted_ = np.lexsort((found.rows["ts"], found.order))
        return Bars(*(column[sorted_] for column in found))

    def _made_of(
        self, selection: Selection, other: NDArray[np.bool_], length: NDArray[np.int64]
    ) -> NDArray[np.bool_] | None:
        """Return which rows make bars of this clock, None if it has its own and nothing waits."""
        rows, slot = selection.rows, selection.slot
        count = max(self.places.slots, 1)  # a clock tick, of slot -1, may come before any bar
        self.making.reserve(count)
        ints = self.making.ints[:count]
        trade = rows["kind"] == Kind.TRADE
        made = other & (length < self.length) & (self.length % np.maximum(length, 1) == 0) | trade
        if not self.clock.forming:
            made &= ints[slot, making_of.NATIVE] == 0
        simple = self.clock.missing == "skip" and not self.clock.forming and not self._long
        waiting = ints[:, (making_of.END, making_of.NEXT_END)]
        if simple and not made.any() and not waiting.any():
            return None
        return np.asarray(made, dtype=np.bool_)

    def _plain(self, selection: Selection, kept: NDArray[np.int64]) -> Bars:
        """Return bars of the timeframe itself, as :func:`gather` would."""
        found = self._official(selection, kept)
        mine = (found.rows["timeframe"] == self.code).nonzero()[0]
        slot, end = picked(found.slot, mine), picked(found.rows["ts"], mine)
        where = self.places.located(slot, (picked(found.start, mine), end), self._session())
        inside = where.first >= 0
        over = where.last if self.code == DAILY else end
        ints = self.making.ints
        ints[slot, making_of.NATIVE] = 1
        np.maximum.at(ints[:, making_of.EVER], slot, end)
        late = inside & (over <= ints[slot, making_of.DONE])
        np.maximum.at(ints[:, making_of.DONE], slot[inside], over[inside])
        found.role[mine[~inside]] = making_of.OUTSIDE
        gone = mine[late | (~inside & (not self.around))]
        if not len(gone):
            return found
        stay = np.ones(len(found.order), dtype=np.bool_)
        stay[gone] = False
        return Bars(*(column[stay] for column in found))

    def _official(self, selection: Selection, kept: NDArray[np.int64]) -> Bars:
        rows, slot = picked(selection.rows, kept), picked(selection.slot, kept)
        start = rows["ts"] - _LENGTHS[rows["timeframe"]]
        daily = (rows["timeframe"] == DAILY).nonzero()[0]
        if len(daily):
            where = self.places.days(picked(slot, daily), rows["ts"][daily])
            start[daily] = where.first
        order = 2 * picked(selection.at, kept) + 1
        return Bars(rows, order, slot, start, np.zeros(len(kept), dtype=np.int64))

    def _gathered(self, part: Selection) -> Bars:
        rows, slot = part.rows, part.slot
        kind = np.full(len(rows), making_of.FINER, dtype=np.int64)
        kind[rows["timeframe"] == self.code] = making_of.BAR
        kind[rows["kind"] == Kind.TRADE] = making_of.TRADE
        kind[rows["kind"] == Kind.CLOCK] = making_of.TICK
        start = rows["ts"] - _LENGTHS[rows["timeframe"]]
        market = slot >= 0
        where = self.places.located(np.maximum(slot, 0), (start, rows["ts"]), self._session())
        daily = ((kind == making_of.BAR) & (self.code == DAILY)).nonzero()[0]
        if len(daily):
            days = self.places.days(slot[daily], rows["ts"][daily])
            start[daily] = days.first
            for column, values in zip(where, days, strict=True):
                column[daily] = values
        where.first[~market] = -1
        due = where.last
        if self.code == DAILY:
            due = self.places.next_open(np.maximum(slot, 0), where.number)
        given = Arrived(
            part.at.tolist(),
            kind.tolist(),
            np.where(kind == making_of.TRADE, 1, 1 + rows["timeframe"]).tolist(),
            slot.tolist(),
            start.tolist(),
            rows["ts"].tolist(),
            where.first.tolist(),
            where.last.tolist(),
            due.tolist(),
            *(rows[field].tolist() for field in ("open", "high", "low", "close", "volume")),
        )
        slots = self.places.slots
        found = gather(len(rows), given, self.making.state(slots), self._how(), slots)
        if self._long:
            found = self._in_periods(found)
        made = empty_rows(len(found.order))
        made["kind"], made["timeframe"] = Kind.BAR, self._mark
        made["ts"] = found.end
        for field in ("open", "high", "low", "close", "volume"):
            made[field] = getattr(found, field)
        columns = (np.array(found[place], dtype=np.int64) for place in (0, 1, 3, 2))
        return Bars(made, *columns)

    def _in_periods(self, days: Gathered) -> Gathered:
        slot, start = np.array(days.slot, dtype=np.int64), np.array(days.start, dtype=np.int64)
        where = self.places.located(slot, (start, start), "rth")
        dates = (where.date, where.before, where.after)
        periods = tuple(period_of(date, self.clock.timeframe).tolist() for date in dates)
        return in_periods(days, periods, self.periods.state(self.places.slots))

    def _how(self) -> Making:
        daily = self.code == DAILY
        prompt = self.clock.at_once or self.clock.forming or daily
        return Making(
            length=self.length,
            daily=daily,
            carry=self.clock.missing == "carry" and not daily,
            forming=self.clock.forming,
            ticking=self.clock.evaluate == "tick" and self.clock.forming,
            around=self.around,
            grace=0 if prompt or self.length < 2 * GRACE else GRACE,
        )
