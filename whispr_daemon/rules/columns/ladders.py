"""Columns of the levels: which rows make them, and the pins of tests."""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.timeframe import HOUR
from whispr_daemon.rules.column import Column, level_key
from whispr_daemon.rules.columns import levels
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.levels import Days, How, Levels, fold_levels
from whispr_daemon.rules.columns.location import CLOSES, OPENS, WITHIN, Location
from whispr_daemon.rules.columns.maker import Maker
from whispr_daemon.rules.columns.periods import period_of
from whispr_daemon.rules.columns.places import Places
from whispr_daemon.rules.columns.plain_frame import AnyFrame, PlainFrame
from whispr_daemon.rules.columns.sessions import days_since_epoch
from whispr_daemon.rules.columns.slots import picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.functions.folds import NAN, State
from whispr_daemon.rules.jit import Group, recipe_of
from whispr_daemon.rules.nodes import Ladder
from whispr_daemon.rules.settings import PinnedLevels

Ints = NDArray[np.int64]

_TIMEFRAMES: Final = {
    "day": "1d",
    "multiday": "1w",
    "swing": "1mo",
    "position": "3mo",
    "longterm": "12mo",
}
_PART: Final = 4 * HOUR  # of a session, in the ladder ``scalp``
_PARTS: Final = 16  # more than a session has


class _Span(NamedTuple):
    """What stands for days: arrays of shape (n,)."""

    day: Ints
    before: Ints
    period: Ints
    first: Ints
    last: Ints
    part: Ints
    daily: NDArray[np.bool_]


# What :meth:`LadderMaker.given` returns.
TAKES: Final = (
    Group((*("ints",) * 7, *("bools",) * 3, "seen_floats"), Days),
    Group(("floats", "ints"), State),
    Group(("int", "bool", "bool", "bool", "bool", "bool"), How),
)
_LEVELS: Final = recipe_of(
    fold_levels,
    "int",
    *TAKES,
    Group(("floats", "floats", "floats", "floats", "ints"), Levels),
)


class LadderMaker(Maker):
    """Anchor, ATR, range so far and count of one ladder."""

    def __init__(self, desk: Desk, ladder: Ladder, pinned: PinnedLevels) -> None:
        """``pinned`` levels take the place of computed ones of the day: (anchor, ATR)."""
        super().__init__(desk, level_key(ladder))
        self._ladder = ladder
        self._pinned = pinned if ladder.mode == "day" else {}
        self._how = How(
            length=ladder.length,
            lenient=ladder.session == "eth",
            last_trade=ladder.anchor == "last_trade",
            current=ladder.use_current_close,
            cents=ladder.rounding == "cents",
        )
        self.table: Table = Table(levels.floats_of(ladder.length), levels.INTS)
        if ladder.session == "eth":
            desk.look_around()

    @property
    def pure(self) -> bool:
        """Are its columns what its fold makes of rows, and nothing else?"""
        return not self._pinned

    def given(self, frame: AnyFrame) -> tuple[Days, State, How]:
        """Return what a kernel takes of it for the rows of a frame."""
        places = self.desk.places
        return self._days(frame, places), self.table.arrays(places.slots), self._how

    def look_at_range(self) -> None:
        """Make the range of the period so far, too."""
        self._how = self._how._replace(ranges=True)

    @override
    def counts(self, column: Column, slots: int) -> NDArray[np.int64]:
        """Return how many periods there are behind the levels of each instrument."""
        found = self.table.counts(levels.BARS, slots)
        for symbol, _ in self._pinned:
            slot = self.desk.places.known(symbol)
            if slot >= 0:
                found[slot] = levels.ALWAYS
        return found

    @override
    def fill(self) -> None:
        desk, frame = self.desk, self.desk.frame
        if frame is None:
            return
        count, rows, slots = desk.count, len(frame.rows), desk.places.slots
        days, ranged = self._days(frame, desk.places), count if self._how.ranges else 0
        kernel = desk.compiler.compiled(_LEVELS, rows)
        if kernel is not None:
            out = _room(count, ranged)
            kernel(rows, days, self.table.arrays(slots), self._how, out)
        else:
            no, none = [NAN] * count, [NAN] * ranged
            out = Levels(no, no.copy(), none, none.copy(), [0] * count)
            fold_levels(rows, _listed(days), self.table.state(slots), self._how, out)
        if self._pinned:
            self._pin(out, frame)
        for part, column in zip(Levels._fields, out, strict=True):
            if len(column) == count:
                desk.values[Column(self.key, part)] = column

    def _days(self, frame: AnyFrame, places: Places) -> Days:
        span = self._span(frame, places)
        return Days(
            slot=_flat(frame.slot),
            day=_flat(span.day),
            before=_flat(span.before),
            period=_flat(span.period),
            first=_flat(span.first),
            last=_flat(span.last),
            part=_flat(span.part),
            daily=np.ascontiguousarray(span.daily),
            bar=frame.bar & ~frame.daily,
            clock=np.ascontiguousarray(frame.clock),
            prices=_prices(frame.rows),
        )

    def _span(self, frame: AnyFrame, places: Places) -> _Span:
        if self._ladder.mode == "scalp":
            return _parts(frame, places)
        official = self._ladder.mode == "day" and self._ladder.session == "rth"
        if official and isinstance(frame, PlainFrame):
            one = _ones(len(frame.date))  # a day begins and ends what it is
            date = frame.date
            return _Span(date, frame.before, date, one, one, frame.part, frame.daily)
        where, daily = frame.where, frame.daily
        if self._ladder.session == "eth":
            found = places.located(frame.slot, (frame.start, frame.rows["ts"]), "eth")
            inside = (found.date >= 0) & ~daily
            where = found._replace(part=np.where(inside, WITHIN, 0))
            daily = np.zeros(len(daily), dtype=np.bool_)
        timeframe = _TIMEFRAMES[self._ladder.mode]
        period = period_of(where.date, timeframe)
        return _Span(
            day=where.date,
            before=where.before,
            period=period,
            first=(period_of(where.before, timeframe) != period).astype(np.int64),
            last=(period_of(where.after, timeframe) != period).astype(np.int64),
            part=where.part,
            daily=daily,
        )

    def _pin(self, out: Levels, frame: AnyFrame) -> None:
        symbols = self.desk.places.symbols
        slot = picked(frame.slot, frame.evaluated)
        date = picked(frame.where.date, frame.evaluated)
        for (symbol, day), (anchor, atr) in self._pinned.items():
            mine = slot == symbols.index(symbol) if symbol in symbols else False
            when = True if day is None else date == days_since_epoch(day)
            for row in np.flatnonzero(mine & when):
                out.anchor[row], out.atr[row], out.count[row] = anchor, atr, levels.ALWAYS


def _room(count: int, ranged: int) -> Levels:
    """Return arrays for what a kernel makes of so many rows."""
    whole = np.empty(count, dtype=np.int64)
    return Levels(np.empty(count), np.empty(count), np.empty(ranged), np.empty(ranged), whole)


def _flat(column: Ints) -> Ints:
    return np.ascontiguousarray(column, dtype=np.int64)


def _prices(rows: Rows) -> NDArray[np.float64]:
    """Return rows as they lie in memory, as floats that are not written to."""
    floats = np.ascontiguousarray(rows).view(np.float64)
    prices = np.require(floats, requirements=["C", "A"]).view()
    prices.flags.writeable = False
    return prices


def _listed(days: Days) -> Days:
    """Return the same as lists, and prices as what gives numbers sooner than an array."""
    lists = {name: getattr(days, name).tolist() for name in Days._fields[:-1]}
    return Days(**lists, prices=days.prices.data)


@lru_cache(maxsize=1)
def _ones(count: int) -> Ints:
    """Return ones that nobody writes to."""
    return np.ones(count, dtype=np.int64)


def _parts(frame: AnyFrame, places: Places) -> _Span:
    """Return the 4-hour parts of sessions in the place of days; there are no daily bars of them."""
    where, start, end = frame.where, frame.start, frame.rows["ts"]
    inside = (where.date >= 0) & ~frame.daily
    number = np.clip((start - where.first) // _PART, 0, _PARTS - 1)
    day = where.date * _PARTS + number
    opens = where.first + number * _PART
    closes = np.minimum(opens + _PART, where.last)
    earlier = _session_before(frame, places)
    parts = -((earlier.first - earlier.last) // _PART)  # rounded up
    before = np.where(number > 0, day - 1, where.before * _PARTS + parts - 1)
    part = inside * (WITHIN + OPENS * (start <= opens) + CLOSES * (end >= closes))
    one = np.ones(len(day), dtype=np.int64)
    return _Span(
        day=np.where(inside, day, -1),
        before=before,
        period=day,
        first=one,
        last=one,
        part=part,
        daily=np.zeros(len(day), dtype=np.bool_),
    )


def _session_before(frame: AnyFrame, places: Places) -> Location:
    """Return where the session before that of each row is, under the clock's filter.

    Its bounds are as far apart as those of the row's own, but for half days and summer time.
    """
    index = np.maximum(frame.where.number - 1, 0)
    opens = places.each(frame.slot, lambda found, at: (found.open[index[at]],))[0]
    closes = places.each(frame.slot, lambda found, at: (found.close[index[at]],))[0]
    found = places.located(frame.slot, (opens, opens), "rth")
    own = places.each(
        frame.slot,
        lambda found, at: (
            found.open[np.maximum(frame.where.number[at], 0)],
            found.close[np.maximum(frame.where.number[at], 0)],
        ),
    )
    wider = (frame.where.first != own[0]) | (frame.where.last != own[1])
    return found._replace(
        first=np.where(wider, frame.where.first, opens),
        last=np.where(wider, frame.where.last, closes),
    )
