"""Minute bars with the levels of each day: what ours and the peers are given alike."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from whispr_daemon.adapters.sources.files import FileSource
from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF, DAILY, DAY, MINUTE
from whispr_daemon.rules.columns.calendars import calendar

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HISTORY: Final = 260  # daily bars before the first minute: the levels are settled from there on
DIGITS: Final = 4  # of a generated price
RUNG: Final = 0.382  # of the ATR, above and below the close of the day before
_ATR: Final = 14
_FIRST: Final = 2 * HISTORY  # session of the calendar, which begins in 1970
_PRICES: Final = ("open", "high", "low", "close", "volume")


class Bars(NamedTuple):
    """T minutes of S symbols, each symbol with a bar at each minute, in the order of a market."""

    symbols: tuple[str, ...]
    history: Rows  # daily bars before the first minute
    rows: Rows  # minutes, and the daily bars after each session
    ts: Ints  # (T,): ns UTC, the end of the minute
    day: Ints  # (T,): of its session, counted from 1970-01-01
    close: Floats  # (T, S)
    upper: Floats  # (T, S): the level above, of the day
    lower: Floats  # (T, S): and that below

    @property
    def size(self) -> int:
        """How many minute bars there are."""
        return self.close.size

    def save(self, folder: Path) -> None:
        """Write what peers read, an array a file."""
        for name in ("ts", "day", "close", "upper", "lower"):
            np.save(folder / f"{name}.npy", getattr(self, name))


class Files(NamedTuple):
    """The same as a user has it."""

    minutes: Path
    days: Path


def generated(minutes: int, symbols: int) -> Bars:
    """Return regular minutes of New York sessions; the prices are a random walk, always the same.

    Raises:
        ValueError: the calendar does not have so many.
    """
    sessions = calendar("XNYS")
    lengths = (sessions.close - sessions.open) // MINUTE
    ends = lengths[_FIRST:].cumsum()
    if minutes > ends[-1]:
        raise ValueError(f"{minutes:,} minutes are more than the {ends[-1]:,} of the calendar")
    chosen = np.arange(_FIRST, _FIRST + int(ends.searchsorted(minutes)) + 1)
    within = np.concatenate([np.arange(lengths[at]) for at in chosen])[:minutes]
    place = np.repeat(np.arange(len(chosen)), lengths[chosen])[:minutes]  # of the session
    ts = sessions.open[chosen][place] + (within + 1) * MINUTE
    random = np.random.default_rng(1)
    past = _past(random, symbols)
    walk = np.cumsum(random.normal(0, 5e-4, (minutes, symbols)), axis=0)
    close = np.round(past[-1, 3] * np.exp(walk), DIGITS)
    first = np.concatenate([past[-1:, 3], close[:-1]])
    bars = _bars(np.repeat(ts, symbols), CODE_OF["1m"], first, close)
    ended = np.append(np.flatnonzero(np.diff(place)), minutes - 1)  # the last minute of each day
    daily = np.concatenate([past, _days(first, close, ended)])
    upper, lower = (each[HISTORY - 1 :][place] for each in levels(daily))
    dates = sessions.date[_FIRST - HISTORY : chosen[-1] + 1]
    days = _bars(
        np.repeat(sessions.local_midnight(dates) + DAY, symbols), DAILY, daily[:, 0], daily[:, 3]
    )
    days["high"], days["low"] = daily[:, 1].ravel(), daily[:, 2].ravel()
    return Bars(
        symbols=tuple(f"S{code:03}" for code in range(symbols)),
        history=days[: HISTORY * symbols],
        rows=_merged(bars, days[HISTORY * symbols :], ended, symbols),
        ts=ts,
        day=sessions.date[chosen][place],
        close=close,
        upper=upper,
        lower=lower,
    )


def _past(random: np.random.Generator, symbols: int) -> Floats:
    """Return daily open, high, low, close before the first minute, shape (HISTORY, 4, S)."""
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, (HISTORY, symbols)), axis=0))
    first = np.concatenate([np.full((1, symbols), 100.0), close[:-1]])
    spread = np.abs(random.normal(0, 0.005, (2, HISTORY, symbols)))
    high = np.maximum(first, close) * (1 + spread[0])
    low = np.minimum(first, close) * (1 - spread[1])
    return np.stack([first, high, low, close], axis=1)


def _days(first: Floats, close: Floats, ended: Ints) -> Floats:
    """Return daily open, high, low, close of days whose last minutes are named."""
    begins = np.append(0, ended[:-1] + 1)
    high = np.maximum.reduceat(np.maximum(first, close), begins)
    low = np.minimum.reduceat(np.minimum(first, close), begins)
    return np.stack([first[begins], high, low, close[ended]], axis=1)


def _bars(ends: Ints, timeframe: int, first: Floats, close: Floats) -> Rows:
    """Return rows of bars; prices have shape (bars, S)."""
    rows = empty_rows(close.size)
    rows["ts"], rows["instrument"] = ends, np.tile(np.arange(close.shape[1]), len(close))
    rows["kind"], rows["timeframe"], rows["volume"] = Kind.BAR, timeframe, 100
    rows["open"], rows["close"] = first.ravel(), close.ravel()
    rows["high"] = np.maximum(rows["open"], rows["close"])
    rows["low"] = np.minimum(rows["open"], rows["close"])
    return rows


def _merged(bars: Rows, days: Rows, ended: Ints, symbols: int) -> Rows:
    """Put the daily bars behind the last minute of each day."""
    rows = empty_rows(len(bars) + len(days))
    is_day = np.zeros(len(rows), bool)
    within = np.arange(len(days)).reshape(-1, symbols)
    is_day[(ended[:, None] + 1) * symbols + within] = True
    rows[is_day], rows[~is_day] = days, bars
    return rows


def levels(days: Floats) -> tuple[Floats, Floats]:
    """Return the levels above and below that hold on the day after each, shape (days, S).

    ``days`` has shape (days, 4, S). The ATR is Wilder's, begun with a mean.
    """
    high, low, close = days[:, 1], days[:, 2], days[:, 3]
    before = np.concatenate([close[:1], close[:-1]])
    true = np.maximum(high, before) - np.minimum(low, before)
    atr = np.full_like(close, np.nan)
    for at in range(_ATR - 1, len(days)):
        mean = true[: at + 1].mean(axis=0)
        atr[at] = mean if at < _ATR else atr[at - 1] + (true[at] - atr[at - 1]) / _ATR
    return close + RUNG * atr, close - RUNG * atr


def written(bars: Bars, folder: Path) -> Files:
    """Write generated bars as Parquet; ts is the start of a bar."""
    files = Files(folder / "minutes.parquet", folder / "days.parquet")
    everything = np.concatenate([bars.history, bars.rows])
    daily = everything["timeframe"] == DAILY
    for file, chosen, length in ((files.minutes, ~daily, MINUTE), (files.days, daily, DAY)):
        rows = everything[chosen]
        codes = pa.array(rows["instrument"].astype(np.int32))
        columns: dict[str, Any] = {
            "ts": pa.array(rows["ts"] - length, pa.timestamp("ns", "UTC")),
            "symbol": pa.DictionaryArray.from_arrays(codes, pa.array(bars.symbols)),
            **{name: np.ascontiguousarray(rows[name]) for name in _PRICES},
        }
        pq.write_table(pa.table(columns), file)
    return files


def recorded(files: Files, symbol: str) -> Bars:
    """Return the bars of one symbol out of files of minutes and days; peers get regular minutes."""
    rows = asyncio.run(_taken(files, symbol))
    is_minute = rows["timeframe"] != DAILY
    begin = int(is_minute.argmax())
    sessions = calendar("XNYS")
    place = sessions.find(rows["ts"] - MINUTE)
    regular, place = rows[is_minute & (place >= 0)], place[is_minute & (place >= 0)]
    daily = rows[~is_minute]
    prices = np.stack([daily[name] for name in _PRICES[:4]], axis=1)[:, :, None]
    above, below = levels(prices)
    ends = sessions.local_midnight(sessions.date) + DAY
    held = daily["ts"].searchsorted(ends[place - 1])  # the day before
    if (daily["ts"][held] != ends[place - 1]).any():
        raise ValueError(f"{files.days} lacks a day before one of {files.minutes}")
    return Bars(
        symbols=(symbol,),
        history=rows[:begin],
        rows=rows[begin:],
        ts=regular["ts"].copy(),
        day=sessions.date[place],
        close=regular["close"][:, None].copy(),
        upper=above[held],
        lower=below[held],
    )


async def _taken(files: Files, symbol: str) -> Rows:
    source = await FileSource.open([files.minutes], [files.days], [symbol])
    parts: Sequence[Rows] = [part.rows async for part in source.batches(0)]
    return np.concatenate(parts)
