"""Columns of the moment of evaluation, and of what settings give by time."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from whispr_daemon.domain.timeframe import DAY, MINUTE
from whispr_daemon.rules.column import BARS, Column
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.location import WITHIN
from whispr_daemon.rules.columns.maker import Maker
from whispr_daemon.rules.columns.plain_frame import AnyFrame
from whispr_daemon.rules.columns.sessions import Sessions
from whispr_daemon.rules.columns.slots import picked
from whispr_daemon.rules.functions.folds import NAN
from whispr_daemon.rules.settings import Portfolio

Ints = NDArray[np.int64]

_SECOND: Final = 1_000_000_000
_DAYS_A_WEEK: Final = 7
_THURSDAY: Final = 3  # 1970-01-01, from Monday


class ClockMaker(Maker):
    """``time``, ``date``, ``minutes_since_open`` …: exchange-local, of the evaluation."""

    @override
    def fill(self) -> None:
        frame = self.desk.frame
        if frame is None:
            return
        column = Column(self.key)
        if self.key == "bar_index":
            before = 0 if self.desk.on_ticks else 1
            self.desk.values[column] = [float(n - before) for n in self.desk.values[BARS]]
            return
        slot = picked(frame.slot, frame.evaluated)
        answer = _ANSWERS[self.key]
        part = self.desk.places.each(
            slot, lambda sessions, at: (answer(sessions, frame, frame.evaluated[at]),)
        )
        self.desk.values[column] = part[0].astype(np.float64).tolist()


def _time(sessions: Sessions, frame: AnyFrame, at: Ints) -> Ints:
    """Minutes of the exchange's clock: 9:31 is 571. Midnight is 0."""
    ts = frame.rows["ts"][at]
    day = sessions.local_day(ts)
    midnight = sessions.local_midnight(day)
    minutes: Ints = (ts - midnight) // MINUTE
    for row in (sessions.local_midnight(day + 1) - midnight != DAY).nonzero()[0]:
        utc = datetime.fromtimestamp(int(ts[row]) // _SECOND, UTC)  # on which clocks are moved
        local = utc.astimezone(ZoneInfo(sessions.timezone))
        minutes[row] = local.hour * 60 + local.minute
    return minutes


def _day(sessions: Sessions, frame: AnyFrame, at: Ints) -> Ints:
    """The exchange's date: of a daily bar its own; midnight ends a day."""
    ts = frame.rows["ts"][at]
    return np.where(frame.daily[at], frame.where.date[at], sessions.local_day(ts - 1))


def _date(sessions: Sessions, frame: AnyFrame, at: Ints) -> Ints:
    day = _day(sessions, frame, at).astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    year = day.astype("datetime64[Y]").astype(np.int64) + 1970
    months = month.astype(np.int64) % 12 + 1
    return np.asarray(year * 10000 + months * 100 + (day - month).astype(np.int64) + 1)


def _weekday(sessions: Sessions, frame: AnyFrame, at: Ints) -> Ints:
    return (_day(sessions, frame, at) + _THURSDAY) % _DAYS_A_WEEK + 1


def _since_open(sessions: Sessions, frame: AnyFrame, at: Ints) -> Ints:
    since = frame.rows["ts"][at] - sessions.open[frame.where.number[at]]
    return np.asarray(since / MINUTE)


def _to_close(sessions: Sessions, frame: AnyFrame, at: Ints) -> Ints:
    left = sessions.close[frame.where.number[at]] - frame.rows["ts"][at]
    return np.asarray(left / MINUTE)


def _is_regular(_sessions: Sessions, frame: AnyFrame, at: Ints) -> Ints:
    inside = frame.daily[at] | (frame.where.part[at] & WITHIN > 0)
    return np.where(inside, 1, -1)


def _is_half_day(sessions: Sessions, frame: AnyFrame, at: Ints) -> Ints:
    return np.where(sessions.short[frame.where.number[at]], 1, -1)


_ANSWERS: Final[Mapping[str, Callable[[Sessions, AnyFrame, Ints], Ints]]] = {
    "time": _time,
    "date": _date,
    "weekday": _weekday,
    "minutes_since_open": _since_open,
    "minutes_to_close": _to_close,
    "is_rth": _is_regular,
    "is_half_day": _is_half_day,
}


class PortfolioMaker(Maker):
    """``position.*``, ``account.*``, ``orders.*``: the last value given, na before the first."""

    def __init__(self, desk: Desk, name: str, given: Portfolio) -> None:
        """``given`` is of all names; see :class:`RuleSettings`."""
        super().__init__(desk, name)
        self._given = {
            symbol: ([ts for ts, _ in points], [value for _, value in points])
            for (symbol, of), points in given.items()
            if of == name
        }

    @override
    def fill(self) -> None:
        desk = self.desk
        if desk.frame is None:
            return
        symbols = desk.places.symbols
        desk.values[Column(self.key)] = [
            self._at(symbols[slot], ts) for slot, ts in zip(desk.slot, desk.ts, strict=True)
        ]

    def _at(self, symbol: str, ts: int) -> float:
        none: tuple[Sequence[int], Sequence[float]] = ([], [])
        times, values = self._given.get(symbol) or self._given.get("") or none
        place = bisect_right(times, ts)
        return values[place - 1] if place else NAN
