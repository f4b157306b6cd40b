"""The model behind the simulated market: what a day, and a minute of it, may look like."""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec
import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind

Floats = NDArray[np.float64]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What one instrument is like. Volatilities are standard deviations of a day's log return."""

    price: float  # where it starts, and what it is drawn back to over the years
    beta: float  # how much of the market's move it takes part in
    own: float  # volatility of its own
    volume: float  # shares a day
    quiet: float = 0.0  # share of the minutes without a trade


PROFILES: Final = {
    "SPY": Profile(price=590.0, beta=1.0, own=0.0015, volume=60e6),
    "QQQ": Profile(price=510.0, beta=1.25, own=0.004, volume=40e6),
    "IWM": Profile(price=222.0, beta=1.1, own=0.006, volume=28e6, quiet=0.01),
    "AAPL": Profile(price=245.0, beta=1.1, own=0.011, volume=50e6),
    "MSFT": Profile(price=420.0, beta=1.0, own=0.010, volume=20e6, quiet=0.01),
    "NVDA": Profile(price=138.0, beta=1.8, own=0.020, volume=220e6),
    "TSLA": Profile(price=380.0, beta=1.8, own=0.028, volume=90e6),
    "AMD": Profile(price=121.0, beta=1.7, own=0.022, volume=40e6, quiet=0.02),
}

_MARKET: Final = 0.009  # volatility of the market factor
_OVERNIGHT: Final = 0.3  # share of a day's variance that falls between close and open
_PULL: Final = 0.004  # a day, back to the profile's price: keeps prices sane for decades
_MOOD_KEPT, _MOOD_NEWS = 0.95, 0.12  # calm and nervous weeks: log volatility as AR(1)
_TAILS: Final = 4  # degrees of freedom of Student's t: now and then, a big move
_LARGEST: Final = 8.0  # standard deviations
_DAILY, _MINUTES = 0, 1  # random streams of a day


class Levels(msgspec.Struct, frozen=True):
    """The market after a close: log volatility, and each price as log of its profile's price."""

    mood: float
    prices: Floats  # shape (symbols,)


class Day(msgspec.Struct, frozen=True):
    """One session before its minutes: where it opens and closes, in logs, and how it moves."""

    ordinal: int  # its date, as date.toordinal
    after: Levels
    opens: Floats  # shape (symbols,), log of the profile's price
    market: float  # volatility of the market factor from open to close
    scale: float  # of every volatility of that day


class Market:
    """Prices of some symbols that move with one market; the same seed makes the same prices.

    Randomness is drawn per seed, date and symbol, so a day can be made without the days before
    it, but for the levels it starts at; a symbol's chances do not depend on the others.
    """

    def __init__(self, seed: int, symbols: Sequence[str]) -> None:
        """Unknown symbols get a profile made from their name."""
        self._seed = seed
        self._codes = [crc32(symbol.encode()) for symbol in symbols]
        self._profiles = [PROFILES.get(symbol) or _made_up(symbol) for symbol in symbols]
        self._beta = np.array([profile.beta for profile in self._profiles])
        self._own = np.array([profile.own for profile in self._profiles])
        self._price = np.array([profile.price for profile in self._profiles])

    @property
    def start(self) -> Levels:
        """The levels before the first day."""
        return Levels(0.0, np.zeros(len(self._codes)))

    def quiet_minutes(self, minutes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return, for sessions of so many minutes, how many bars all symbols leave out together."""
        left_out = [np.floor(profile.quiet * minutes) for profile in self._profiles]
        return np.asarray(np.sum(left_out, axis=0), dtype=np.int64)

    def day(self, ordinal: int, before: Levels) -> Day:
        """Return the day of a date that follows on ``before``."""
        market = self._random(ordinal, _DAILY)
        mood = _MOOD_KEPT * before.mood + _MOOD_NEWS * market.standard_normal()
        scale = float(np.exp(mood))
        shocks = _fat(market, 2)  # overnight, then open to close
        own = np.array([_fat(self._random(ordinal, _DAILY, code), 2) for code in self._codes])
        moves = scale * (np.outer(self._beta * _MARKET, shocks) + self._own[:, None] * own)
        opens = before.prices * (1 - _PULL) + np.sqrt(_OVERNIGHT) * moves[:, 0]
        closes = opens + np.sqrt(1 - _OVERNIGHT) * moves[:, 1]
        inside = scale * np.sqrt(1 - _OVERNIGHT)
        return Day(ordinal, Levels(mood, closes), opens, float(_MARKET * inside), float(inside))

    def daily_bars(self, day: Day) -> Rows:
        """Return a day's bar of each symbol without making its minutes, shape (symbols,)."""
        rows = empty_rows(len(self._codes))
        spread = np.hypot(self._beta * day.market, self._own * day.scale)
        reach, volumes = np.empty((len(rows), 2)), np.empty(len(rows))
        for code, crc in enumerate(self._codes):
            random = self._random(day.ordinal, _MINUTES, crc)
            reach[code] = 0.45 * spread[code] * np.abs(random.standard_normal(2))
            volumes[code] = self._profiles[code].volume * np.exp(0.25 * random.standard_normal())
        top = np.maximum(day.opens, day.after.prices) + reach[:, 0]
        low = np.minimum(day.opens, day.after.prices) - reach[:, 1]
        for field, levels in zip(
            ("open", "high", "low", "close"), (day.opens, top, low, day.after.prices), strict=True
        ):
            rows[field] = _cents(self._price * np.exp(levels))
        rows["volume"] = np.round(volumes * day.scale)
        rows["instrument"] = np.arange(len(rows))
        rows["kind"] = Kind.BAR
        return rows

    def minute_bars(self, day: Day, minutes: int) -> Rows:
        """Return a day's bars, by minute and symbol; ``ts`` is the minute's number, from 0."""
        shape = _busy(minutes)
        factor = _fat(self._random(day.ordinal, _MINUTES), minutes)
        parts = [self._symbol_minutes(code, day, shape, factor) for code in range(len(self._codes))]
        rows = np.concatenate(parts)
        return rows[np.argsort(rows["ts"], kind="stable")]

    def _symbol_minutes(self, code: int, day: Day, shape: Floats, factor: Floats) -> Rows:
        profile = self._profiles[code]
        random = self._random(day.ordinal, _MINUTES, self._codes[code])
        count = len(shape)
        market, own = profile.beta * day.market, profile.own * day.scale
        walk = np.cumsum(np.sqrt(shape) * (market * factor + own * _fat(random, count)))
        first, last = day.opens[code], day.after.prices[code]
        # A bridge: the walk is bent, minute by minute, to end at the day's close.
        closes = first + walk + np.cumsum(shape) * (last - first - walk[-1])
        spread = np.sqrt(shape) * np.hypot(market, own)
        opens = np.append(first, closes[:-1]) + 0.1 * spread * random.standard_normal(count)
        opens[0] = first
        reach = 0.4 * spread * np.abs(random.standard_normal((2, count)))
        rows = empty_rows(count)
        for field, levels in zip(
            ("open", "high", "low", "close"),
            (
                opens,
                np.maximum(opens, closes) + reach[0],
                np.minimum(opens, closes) - reach[1],
                closes,
            ),
            strict=True,
        ):
            rows[field] = _cents(profile.price * np.exp(levels))
        excitement = np.exp(0.35 * random.standard_normal(count)) * day.scale
        moved = 0.6 + 0.5 * np.abs(closes - opens) / spread
        rows["volume"] = np.maximum(1, np.round(profile.volume * shape * excitement * moved))
        rows["ts"] = np.arange(count)
        rows["instrument"] = code
        rows["kind"] = Kind.BAR
        return np.delete(rows, self._quiet(random, profile, shape))

    def _quiet(self, random: Generator, profile: Profile, shape: Floats) -> NDArray[np.int64]:
        """Choose the minutes without a trade; never the first or the last of a session."""
        count = int(np.floor(profile.quiet * len(shape)))
        likely = 1 / shape[1:-1]
        chosen = random.choice(len(likely), count, replace=False, p=likely / likely.sum())
        return np.asarray(chosen + 1, dtype=np.int64)

    def _random(self, *key: int) -> Generator:
        return default_rng(SeedSequence(self._seed, spawn_key=key))


def _busy(minutes: int) -> Floats:
    """Return each minute's share of a session: busy at the open and the close, calm at noon."""
    minute = np.arange(minutes)
    curve = 1 + 4 * np.exp(-minute / 18) + 1.5 * np.exp(-(minutes - 1 - minute) / 20)
    return np.asarray(curve / curve.sum())


def _fat(random: Generator, count: int) -> Floats:
    """Draw with mean 0, standard deviation 1 and fat tails, shape (count,)."""
    drawn = random.standard_t(_TAILS, count) / np.sqrt(_TAILS / (_TAILS - 2))
    return np.asarray(np.clip(drawn, -_LARGEST, _LARGEST))


def _cents(prices: Floats) -> Floats:
    return np.asarray(np.maximum(np.round(prices, 2), 0.01))


def _made_up(symbol: str) -> Profile:
    random = default_rng(crc32(symbol.encode()))
    return Profile(
        price=round(float(np.exp(random.uniform(2.5, 6))), 2),
        beta=round(float(random.uniform(0.5, 1.8)), 2),
        own=round(float(random.uniform(0.008, 0.025)), 4),
        volume=float(round(np.exp(random.uniform(13, 17)))),
        quiet=round(float(random.uniform(0, 0.15)), 3),
    )
