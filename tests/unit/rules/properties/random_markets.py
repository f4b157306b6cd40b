"""Small markets by chance: several symbols, a half day, gaps, repeats, late bars, trades, ticks."""

from typing import Final, NamedTuple

import numpy as np

from tests.unit.rules.bars import bar_rows, ns
from tests.unit.rules.market import daily_row
from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.ticks import with_ticks
from whispr_daemon.domain.timeframe import MINUTE

SYMBOLS: Final = ("SPY", "QQQ", "VIX")
# The sessions around Thanksgiving 2013: minutes of the New York day that the market is seen in.
_SEEN: Final = {
    "2013-11-27": (("09:25", 80), ("15:40", 24)),
    "2013-11-29": (("09:25", 60), ("12:30", 35)),  # it ends at 13:00
    "2013-12-02": (("09:25", 70),),
}
_HISTORY: Final = ("2013-11-21", "2013-11-22", "2013-11-25", "2013-11-26")


class Market(NamedTuple):
    """Rows in the order of the log, and how many of them are the bars a clock has to evaluate."""

    rows: Rows
    bars: int


def random_market(seed: int, *, unruly: bool = True, brief: bool = False) -> Market:
    """Return a market of some 600 bars and the log's ticks.

    ``unruly``: with repeats, bars that come too late, and trades. ``brief``: half as many.
    """
    random = np.random.default_rng(seed)
    price = np.array([100.0, 101.0, 99.0])
    parts: list[Rows] = [
        _daily(day, code, 100.0 + code + random.normal(0, 0.5))
        for day in _HISTORY
        for code in range(len(SYMBOLS))
    ]
    bars = 0
    for day, spans in _SEEN.items():
        price = price + random.normal(0, 0.7, len(price))
        for clock, minutes in spans:
            count = minutes // 2 if brief else minutes
            piece = _minutes(ns(day, clock), count, price, random)
            price = piece["close"][-len(SYMBOLS) :].copy()
            kept = piece[random.random(len(piece)) > random.choice([0.0, 0.05, 0.3])]
            hole = ns(day, clock) + int(random.integers(5, 40)) * MINUTE
            kept = kept[(kept["ts"] < hole) | (kept["ts"] > hole + 9 * MINUTE)]
            bars += len(kept)
            parts.append(_among_others(kept, random) if unruly else kept)
        parts += [_daily(day, code, float(price[code])) for code in range(len(SYMBOLS))]
    rows = np.concatenate(parts)
    rows, _, _ = with_ticks(rows, np.zeros(len(rows), dtype=np.int64), 0)
    return Market(rows, bars)


def _daily(day: str, code: int, close: float) -> Rows:
    row = daily_row(day, close + 1.0, close - 1.0, close)
    row["instrument"] = code
    return row


def _minutes(start: int, minutes: int, price: np.ndarray, random: np.random.Generator) -> Rows:
    """Minute by minute the bars of all symbols; some prices are round, and some stand still."""
    count = len(SYMBOLS)
    steps = random.normal(0, 0.2, (minutes, count))
    steps[random.random((minutes, count)) < 0.15] = 0.0
    walk = np.round(price + steps.cumsum(axis=0), 2)
    rows = np.repeat(bar_rows([(0, 1.0, 1.0, 1.0, 1.0)]), walk.size)
    rows["ts"] = np.repeat(start + np.arange(1, minutes + 1) * MINUTE, count)
    rows["instrument"] = np.tile(np.arange(count), minutes)
    rows["close"] = walk.reshape(-1)
    rows["open"] = np.concatenate([price, walk[:-1].reshape(-1)])
    spread = np.round(random.exponential(0.05, walk.size), 2)
    rows["high"] = np.maximum(rows["open"], rows["close"]) + spread
    rows["low"] = np.minimum(rows["open"], rows["close"]) - spread[::-1]
    rows["volume"] = random.integers(0, 500, walk.size)
    return rows


def _among_others(bars: Rows, random: np.random.Generator) -> Rows:
    """Put trades before bars; repeat some bars, and let some come again late."""
    out: list[Rows] = []
    for place in range(len(bars)):
        bar = bars[place : place + 1]
        if random.random() < 0.3:
            trade = empty_rows(1)
            trade["ts"] = bar["ts"] - int(random.integers(1, 59)) * 1_000_000_000
            trade["instrument"], trade["kind"] = bar["instrument"], Kind.TRADE
            for field in ("open", "high", "low", "close"):
                trade[field] = np.round((bar["high"] + bar["low"]) / 2, 2)
            trade["volume"] = 10.0
            out.append(trade)
        out.append(bar)
        if random.random() < 0.05:
            out.append(bars[int(random.integers(0, place + 1))][None])
    return np.concatenate(out)
