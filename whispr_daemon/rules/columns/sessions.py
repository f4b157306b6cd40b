"""Trading sessions: dates, opens and closes as arrays, found by binary search."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2060
_EPOCH: Final = date(1970, 1, 1)
_SECOND: Final = 1_000_000_000
_HALF_HOUR: Final = 1800 * _SECOND
_AROUND: Final = 5  # sessions before and after


class Session(NamedTuple):
    """One session: its exchange date, and its open and close in ns UTC."""

    date: date
    open: int
    close: int


class Sessions:
    """All sessions of one calendar from 1970 to 2060, oldest first.

    Attributes:
        name: the calendar's name, e.g. ``XNYS``.
        timezone: where its clocks stand, e.g. ``America/New_York``.
        date: exchange dates as days since 1970-01-01, int64, shape (n,).
        open, close: ns UTC, int64, shape (n,). Half days close early; DST is in them.
    """

    def __init__(
        self, name: str, timezone: str, dates: Int64s, opens: Int64s, closes: Int64s
    ) -> None:
        """Take the columns, all of shape (n,), ascending."""
        self.name = name
        self.timezone = timezone
        self.date = dates
        self.open = opens
        self.close = closes

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self.date)

    def __getitem__(self, index: int) -> Session:
        """Return session ``index``."""
        return Session(day_of(int(self.date[index])), int(self.open[index]), int(self.close[index]))

    def find(self, ts: Int64s) -> Int64s:
        """Return the index of the session with ``open <= ts < close``, -1 where there is none.

        ``ts`` is ns UTC, shape (n,), in any order. Ask with the START of a bar.
        """
        index = self.open.searchsorted(ts, side="right") - 1
        index[ts >= self.close[index]] = -1  # of one before the first session it is -1 already
        return index

    def on_date(self, days: Int64s) -> Int64s:
        """Return the index of the session of each exchange date, -1 where the market is shut.

        ``days`` counts from 1970-01-01, shape (n,).
        """
        index = np.minimum(self.date.searchsorted(days), len(self.date) - 1)
        return np.where(self.date[index] == days, index, -1)

    def local_day(self, ts: Int64s) -> Int64s:
        """Return the exchange-local date of each ``ts`` (ns UTC) as days since 1970-01-01."""
        return self.midnights.searchsorted(ts, side="right") - 1

    def local_midnight(self, days: Int64s) -> Int64s:
        """Return the ns UTC at which each exchange-local date begins."""
        return self.midnights[days]

    def sessions_between(self, first: date, last: date) -> Iterator[Session]:
        """Yield the sessions of the dates from ``first`` to ``last``, both included."""
        low = int(np.searchsorted(self.date, days_since_epoch(first)))
        high = int(np.searchsorted(self.date, days_since_epoch(last), side="right"))
        return (self[index] for index in range(low, high))

    @cached_property
    def short(self) -> NDArray[np.bool_]:
        """Whether each session is a half day: shorter than the longest around it."""
        length = self.close - self.open
        around = np.lib.stride_tricks.sliding_window_view(
            np.pad(length, _AROUND, mode="edge"), 2 * _AROUND + 1
        )
        shorter: NDArray[np.bool_] = length < around.max(axis=1) - _HALF_HOUR
        return shorter

    @cached_property
    def midnights(self) -> Int64s:
        """The ns UTC at which each exchange-local date from 1970 to 2060 begins."""
        zone = ZoneInfo(self.timezone)
        days = (date(LAST_YEAR + 1, 1, 1) - _EPOCH).days
        start = datetime(_EPOCH.year, 1, 1, tzinfo=zone)
        seconds = [int((start + timedelta(days=day)).timestamp()) for day in range(days)]
        return np.array(seconds, dtype=np.int64) * _SECOND


def days_since_epoch(day: date) -> int:
    """Return the days from 1970-01-01 to ``day``."""
    return (day - _EPOCH).days


def day_of(days: int) -> date:
    """Return the date ``days`` after 1970-01-01."""
    return _EPOCH + timedelta(days=days)
