"""A market of many symbols at a rate: what a soak feeds. Made up, the same at every time.

It is the source of a daemon whose process is patched before it starts, and of no other.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tests.integration.daemons import changed_by
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap import assembly
from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF, DAILY, DAY, MINUTE, SECOND
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.source import Source, SourceBatch
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.sessions import days_since_epoch
from whispr_daemon.settings import Settings

SYMBOLS: Final = ("SPY", "QQQ", *(f"S{number:03d}" for number in range(198)))
_BY_BARS: Final = 40  # of these, SPY and QQQ among them, come minute bars; of the others trades
_FIRST: Final = date(2025, 1, 2)
_HISTORY: Final = 260  # sessions of daily bars before the first
_WARM: Final = 60  # minutes of the session, as bars, that come at once: averages mean something
DAILY_ROWS: Final = _HISTORY * len(SYMBOLS)
HISTORY_ROWS: Final = DAILY_ROWS + _WARM * len(SYMBOLS)
_EVERY: Final = 0.02  # seconds between two batches
_LONGEST: Final = 4096  # rows of a batch


class Feed:
    """Daily bars and an hour at once, then a market in which ``rate`` events happen in a second.

    It keeps real time: who does not take a row when it is due finds it later, with all after it.
    Any row can be made without those before: a price is a wave of its symbol's own and some noise.
    """

    name = "feed"
    total = None

    def __init__(self, rate: int, clock: Clock) -> None:
        """``clock`` says when a row is due, counted from the first that is taken on."""
        self._a_minute = 60 * rate
        self._rate, self._clock = rate, clock
        sizes = np.arange(len(SYMBOLS))
        self._base = 50.0 + 7.0 * (sizes % 41)
        self._period = (240 + 7 * sizes) * SECOND
        sessions = calendar("XNYS")
        first = int(np.searchsorted(sessions.date, days_since_epoch(_FIRST)))
        self._day_ends = sessions.local_midnight(sessions.date[first - _HISTORY : first]) + DAY
        self._open = int(sessions.open[first])

    def describe(self, seq: int) -> str:
        """Say which row it is."""
        return f"row {seq} of the feed"

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield the history, then rows as they fall due."""
        while after < DAILY_ROWS:
            numbers = np.arange(after, min(after + _LONGEST, DAILY_ROWS))
            days = self.daily_rows(numbers)
            yield SourceBatch(first_seq=after + 1, symbols=SYMBOLS, rows=days)
            after += len(days)
        if after < HISTORY_ROWS:
            warm = self.warm_rows(np.arange(after, HISTORY_ROWS) - DAILY_ROWS)
            yield SourceBatch(first_seq=after + 1, symbols=SYMBOLS, rows=warm)
            after = HISTORY_ROWS
        first, began = after, self._clock.monotonic()
        while True:
            due = first + int((self._clock.monotonic() - began) * self._rate)
            while after < due:
                count = min(due - after, _LONGEST)
                numbers = np.arange(after, after + count) - HISTORY_ROWS
                rows = self.rows(numbers)
                yield SourceBatch(first_seq=after + 1, symbols=SYMBOLS, rows=rows)
                after += count
            await self._clock.sleep(_EVERY)

    def rows(self, numbers: NDArray[np.int64]) -> Rows:
        """Return the paced rows with these numbers, counted from 0; shape (n,).

        Each minute but the first begins with the bars of the minute before.
        """
        minute, place = np.divmod(numbers, self._a_minute)
        bar = (place < _BY_BARS) & (minute > 0)
        code = np.where(bar, place, _BY_BARS + numbers % (len(SYMBOLS) - _BY_BARS))
        within = np.where(bar, 0, place * MINUTE // self._a_minute)
        return self._made(numbers, code, self._open + (_WARM + minute) * MINUTE + within, bar)

    def warm_rows(self, numbers: NDArray[np.int64]) -> Rows:
        """Return the bars before the paced rows with these numbers, counted from 0; shape (n,)."""
        minute, code = np.divmod(numbers, len(SYMBOLS))
        bar = np.ones(len(numbers), bool)
        return self._made(numbers, code, self._open + (minute + 1) * MINUTE, bar)

    def daily_rows(self, numbers: NDArray[np.int64]) -> Rows:
        """Return the daily bars with these numbers, counted from 0; shape (n,)."""
        day, code = np.divmod(numbers, len(SYMBOLS))
        rows = self._made(numbers, code, self._day_ends[day], np.ones(len(numbers), bool))
        rows["timeframe"] = DAILY
        rows["high"] *= 1.01
        rows["low"] *= 0.99
        return rows

    def _made(
        self,
        numbers: NDArray[np.int64],
        code: NDArray[np.int64],
        ts: NDArray[np.int64],
        bar: NDArray[np.bool_],
    ) -> Rows:
        rows = empty_rows(len(numbers))
        rows["instrument"], rows["ts"] = code, ts
        rows["kind"] = np.where(bar, Kind.BAR, Kind.TRADE)
        rows["timeframe"] = np.where(bar, CODE_OF["1m"], 0)
        noise = (numbers * 2_654_435_761 % 4_294_967_296) / 4_294_967_296 - 0.5
        wave = np.sin(2 * np.pi * (ts % self._period[code]) / self._period[code])
        price = self._base[code] * (1 + 0.01 * wave + 0.0002 * noise)
        for field in ("open", "high", "low", "close"):
            rows[field] = price
        rows["volume"] = 100
        return rows


def fed_by(rate: int) -> Sequence[str]:
    """Return what starts ``whispr`` with this market as its source."""
    return changed_by("tests.soak.feed", f"patch({rate})")


def patch(rate: int) -> None:
    """Make this market the source of all daemons of this process."""

    async def feed(_settings: Settings) -> Source:
        return Feed(rate, SYSTEM_CLOCK)

    changed: Any = assembly
    changed.source_of = feed
