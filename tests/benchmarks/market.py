"""The events that benchmarks of a daemon send: a market, and ticks of which some are answered.

The market is that of the soak (``tests/soak/feed.py``): 200 symbols, trades of most of them, minute
bars of the others, after a year of daily bars and an hour of minutes. A minute of it has a million
events, however fast they are sent: at a million a second 200 minute bars end in each.
"""

from typing import Final

import numpy as np

from tests.soak.feed import DAILY_ROWS, HISTORY_ROWS, SYMBOLS, Feed
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import MINUTE

ANSWERED: Final = 7.0  # the size of a trade that is answered
_A_SECOND: Final = 1_000_000 // 60
_A_MINUTE: Final = 60 * _A_SECOND  # events
_PRICES: Final = ("open", "high", "low", "close")


class Market:
    """Rows by number, made by moving those of one minute in time and price."""

    def __init__(self) -> None:
        """Make that minute."""
        self._feed = Feed(_A_SECOND, SYSTEM_CLOCK)
        self._minute = self._feed.rows(np.arange(_A_MINUTE, 2 * _A_MINUTE))

    def history(self) -> Rows:
        """Return what comes before, shape (n,)."""
        days = self._feed.daily_rows(np.arange(DAILY_ROWS))
        return np.concatenate([days, self._feed.warm_rows(np.arange(HISTORY_ROWS - DAILY_ROWS))])

    def rows(self, first: int, most: int) -> Rows:
        """Return the rows from a number on, counted from 0: ``most``, or to the minute's end."""
        minute, place = divmod(first, _A_MINUTE)
        rows: Rows = self._minute[place : place + most].copy()
        rows["ts"] += minute * MINUTE
        sizes = np.arange(len(SYMBOLS))
        moved = 1 + 0.004 * np.sin(2 * np.pi * minute / (20 + sizes % 23))
        factor = moved[rows["instrument"]]
        for name in _PRICES:
            rows[name] *= factor
        return rows


def ticks(first: int, due: range, share: int, began: int, rate: float) -> Rows:
    """Return trades that happen when they are due, shape (n,).

    Args:
        first: the number of the first of the run.
        due: numbers of the run, counted from 0.
        share: every so-manieth is answered.
        began: ns UTC at which number 0 was due.
        rate: a second.
    """
    numbers = np.arange(due.start, due.stop)
    rows = empty_rows(len(numbers))
    rows["ts"] = began + (numbers * (1e9 / rate)).astype(np.int64)
    rows["kind"] = Kind.TRADE
    rows["instrument"] = (first + numbers) % len(SYMBOLS)
    rows["volume"] = np.where(numbers % share == share - 1, ANSWERED, 1.0)
    for name in _PRICES:
        rows[name] = 100.0
    return rows
