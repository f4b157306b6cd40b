"""The simulated market: bars made up from a seed, the same ones every time. Not real data."""

from collections.abc import AsyncIterator
from datetime import date
from functools import cached_property
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.adapters.sources.market import PROFILES, Day, Market
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.timeframe import CODE_OF, DAILY, DAY, MINUTE
from whispr_daemon.domain.value import Value
from whispr_daemon.ports.source import SourceBatch
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.sessions import day_of, days_since_epoch

_BATCH: Final = 4096  # rows
_MODEL: Final = 1  # another number whenever the same seed would give other rows


class Simulation(Value, frozen=True, kw_only=True):
    """What market to simulate."""

    seed: int = 7
    symbols: tuple[str, ...] = tuple(PROFILES)
    start: date = date(2025, 1, 2)  # the first session is on or after it
    sessions: int | None = None  # None: to the end of the calendar, decades ahead
    history: int = 260  # sessions of daily bars before the first
    warm_sessions: int = 2  # sessions to be taken in at once, so that averages mean something


class SimulatedSource:
    """Numbered bars of simulated US equities, minute by minute in regular hours.

    First come the daily bars of the history, then session after session: its 1-minute bars, then
    the daily bar of each symbol, timed as in files (24 h after New York's midnight). Rows can be
    made from any number on without making those before: how many rows a session has is known
    from its length alone, and only the daily levels are carried from day to day.
    """

    def __init__(self, simulation: Simulation) -> None:
        """Look the sessions up; nothing is made yet.

        Raises:
            SettingsError: the calendar or the symbols cannot serve what is asked.
        """
        symbols, sessions = simulation.symbols, calendar("XNYS")
        if not symbols or len(set(symbols)) < len(symbols):
            raise SettingsError(f"simulated symbols are {symbols}; name at least one, each once")
        first = int(np.searchsorted(sessions.date, days_since_epoch(simulation.start)))
        last = len(sessions) if simulation.sessions is None else first + simulation.sessions
        if not 0 <= first - simulation.history <= first < last <= len(sessions):
            raise SettingsError(
                f"{simulation.sessions} simulated sessions from {simulation.start} after "
                f"{simulation.history} of history are not within {sessions[0].date} and "
                f"{sessions[-1].date}"
            )
        self._simulation = simulation
        self._market = Market(simulation.seed, symbols)
        self._history = simulation.history
        span = slice(first - simulation.history, last)
        self._dates, self._opens = sessions.date[span], sessions.open[span]
        self._minutes = (sessions.close[span] - self._opens) // MINUTE
        self._daily_ends = sessions.local_midnight(self._dates) + DAY
        self._days: list[Day] = []  # as far as needed so far

    @property
    def name(self) -> str:
        """``simulated:``, the seed, and a hash of what else decides the rows."""
        asked = self._simulation
        said = (_MODEL, asked.symbols, asked.start.isoformat(), asked.history)
        digest = blake2b(repr(said).encode(), digest_size=4).hexdigest()
        return f"simulated:{asked.seed}:{digest}"

    @property
    def total(self) -> int | None:
        """The number of rows, None if no number of sessions was asked for."""
        return None if self._simulation.sessions is None else int(self._ends[-1])

    @property
    def live_from_seq(self) -> int:
        """The first row to be delivered at a pace: history and warm sessions lie before it."""
        warm = self._history + self._simulation.warm_sessions
        return int(self._ends[min(warm, len(self._ends)) - 1]) + 1 if warm else 1

    def describe(self, seq: int) -> str:
        """Return the session and the row in it, counted from 1."""
        day = int(np.searchsorted(self._ends, seq))
        if seq < 1 or day == len(self._ends):
            return f"row {seq} of {self.name}"
        row = seq - (int(self._ends[day - 1]) if day else 0)
        return f"simulated session {day_of(int(self._dates[day]))}:row {row}"

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield the rows numbered above ``after``, session by session, at most 4,096 at a time."""
        day = int(np.searchsorted(self._ends, after, side="right"))
        while day < len(self._ends):
            # The history at once: a batch a session would be hundreds of tiny ones.
            until = max(day + 1, self._history)
            rows = np.concatenate([self._session(index) for index in range(day, until)])
            end = int(self._ends[until - 1])
            start = end - len(rows)
            for seq in range(max(after, start), end, _BATCH):
                part = rows[seq - start : seq - start + _BATCH].copy()
                yield SourceBatch(first_seq=seq + 1, symbols=self._simulation.symbols, rows=part)
            day = until

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """The number of the last row of each session."""
        symbols = len(self._simulation.symbols)
        minute_bars = symbols * self._minutes - self._market.quiet_minutes(self._minutes)
        minute_bars[: self._history] = 0
        return np.cumsum(minute_bars + symbols)

    def _session(self, index: int) -> Rows:
        day = self._day(index)
        if index < self._history:
            daily = self._market.daily_bars(day)
            intraday = daily[:0]
        else:
            intraday = self._market.minute_bars(day, int(self._minutes[index]))
            daily = _daily(intraday, len(self._simulation.symbols))
            intraday["ts"] = self._opens[index] + (intraday["ts"] + 1) * MINUTE
            intraday["timeframe"] = CODE_OF["1m"]
        daily["ts"] = self._daily_ends[index]
        daily["timeframe"] = DAILY
        return np.concatenate([intraday, daily])

    def _day(self, index: int) -> Day:
        while len(self._days) <= index:
            ordinal = day_of(int(self._dates[len(self._days)])).toordinal()
            before = self._days[-1].after if self._days else self._market.start
            self._days.append(self._market.day(ordinal, before))
        return self._days[index]


def _daily(minutes: Rows, symbols: int) -> Rows:
    """Return the daily bar of each symbol from its minutes, shape (symbols,)."""
    rows = np.zeros(symbols, dtype=minutes.dtype)
    for code in range(symbols):
        own = minutes[minutes["instrument"] == code]
        rows[code] = own[-1]  # its close, instrument and kind
        rows[code]["open"] = own["open"][0]
        rows[code]["high"] = own["high"].max()
        rows[code]["low"] = own["low"].min()
        rows[code]["volume"] = own["volume"].sum()
    return rows
