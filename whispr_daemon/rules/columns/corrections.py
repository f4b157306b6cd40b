"""Bars of the past as they were corrected: history that is folded again has them in place."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.moments import intraday
from whispr_daemon.domain.timeframe import DAY, NANOS_OF

MOST: Final = 4096  # bars of an instrument; of more the newest
_PRICES: Final = ("open", "high", "low", "close", "volume")


class Corrected(NamedTuple):
    """A bar as it is now, prices in the terms of its own time."""

    ts: int  # ns UTC, its end
    timeframe: int  # index into TIMEFRAMES
    open: float
    high: float
    low: float
    close: float
    volume: float


Bars: TypeAlias = Mapping[str, Sequence[Corrected]]


class Corrections:
    """Corrected bars by instrument and time: the newest word on each."""

    def __init__(self, known: Bars | None = None) -> None:
        """``known`` is an earlier :meth:`known`."""
        self._of = {
            symbol: {(bar[1], bar[0]): Corrected(*bar) for bar in bars}
            for symbol, bars in (known or {}).items()
        }
        self._passed = 0  # ns, where history that is folded again stands

    def add(self, symbol: str, bar: Corrected) -> bool:
        """Take a bar in; return whether it is news."""
        bars = self._of.setdefault(symbol, {})
        key = (bar.timeframe, bar.ts)
        if bars.get(key) == bar:
            return False
        if len(bars) == MOST and key not in bars:
            oldest = min(bars, key=itemgetter(1))
            if bar.ts <= oldest[1]:
                return False
            del bars[oldest]
        bars[key] = bar
        return True

    def learn(self, other: "Corrections") -> bool:
        """Take in what another one knows; return whether any of it is news."""
        news = [self.add(symbol, bar) for symbol, bars in other.known().items() for bar in bars]
        return any(news)

    def was(self, symbol: str, timeframe: int, ts: int) -> Corrected | None:
        """Return what is known of a bar, None if it was never corrected."""
        return self._of.get(symbol, {}).get((timeframe, ts))

    def known(self) -> dict[str, tuple[Corrected, ...]]:
        """Return all bars by instrument."""
        return {symbol: tuple(bars.values()) for symbol, bars in self._of.items()}

    def applied(self, batch: Batch) -> Batch:
        """Return rows of the past as they are now known.

        Corrected bars have their new prices. One that was not there when its time passed stands
        before whatever moved time past it. Call it batch by batch, in order, from the log's start.
        """
        if not self._of or not len(batch.rows):
            return batch
        rows = batch.rows.copy()
        codes = [code for code, symbol in enumerate(batch.symbols) if symbol in self._of]
        times = [ts for code in codes for _, ts in self._of[batch.symbols[code]]]
        bar = (rows["kind"] == Kind.BAR) & np.isin(rows["instrument"], codes)
        bar &= np.isin(rows["ts"], times)
        for place in np.flatnonzero(bar).tolist():
            row = rows[place]
            found = self.was(
                batch.symbols[row["instrument"]], int(row["timeframe"]), int(row["ts"])
            )
            if found is not None:
                _fill(row, found)
        return Batch(self._completed(rows, codes, batch.symbols), batch.symbols)

    def _completed(self, rows: Rows, codes: Sequence[int], symbols: Sequence[str]) -> Rows:
        """Insert bars whose time these rows pass: one that was there is the same once more."""
        tick = rows["kind"] == Kind.CLOCK  # which comes when all bars up to it are there
        moved = np.where(intraday(rows), rows["ts"] + tick, 0)
        passed = np.maximum.accumulate(np.maximum(moved, self._passed))
        first = self._passed or int(moved[moved > 0].min(initial=passed[-1]))
        self._passed = int(passed[-1])
        due = sorted(
            (bar.ts, code, bar)
            for code in codes
            for bar in self._of[symbols[code]].values()
            if first <= bar.ts < self._passed and NANOS_OF[bar.timeframe] < DAY
        )
        made = empty_rows(len(due))
        for row, (_, code, bar) in zip(made, due, strict=True):
            row["kind"], row["instrument"] = Kind.BAR, code
            row["ts"], row["timeframe"] = bar.ts, bar.timeframe
            _fill(row, bar)
        places = np.searchsorted(passed, made["ts"], side="right")
        completed: Rows = np.insert(rows, places, made) if len(due) else rows
        return completed


def corrected(row: np.void) -> Corrected:
    """Return the bar of a row."""
    prices = (float(row[field]) for field in _PRICES)
    return Corrected(int(row["ts"]), int(row["timeframe"]), *prices)


def _fill(row: np.void, bar: Corrected) -> None:
    for field in _PRICES:
        row[field] = getattr(bar, field)
