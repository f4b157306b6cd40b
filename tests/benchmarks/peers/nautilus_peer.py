"""NautilusTrader: its averages, and a call for each bar, through its backtest engine."""

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from tests.benchmarks.peers.serving import KINDS, Given, Ints, Prepared, serve

Found = list[tuple[int, str]]  # a minute, and a kind

DIGITS = 4  # of a price
VENUE = Venue("XNAS")
INSTRUMENT = InstrumentId(Symbol("S000"), VENUE)
BARS = BarType.from_str(f"{INSTRUMENT}-1-MINUTE-LAST-EXTERNAL")


class GateAndRibbon(Strategy):  # type: ignore[misc]
    """Keeps what is to be said in ``said``."""

    def __init__(self, given: Given) -> None:
        """Take the levels as plain numbers."""
        super().__init__()
        self.fast, self.slow = ExponentialMovingAverage(13), ExponentialMovingAverage(48)
        self.upper, self.lower = given.upper[:, 0].tolist(), given.lower[:, 0].tolist()
        self.day = given.day.tolist()
        self.told = {"GG_long": -1, "GG_short": -1}
        self.said: Found = []
        self.at, self.before, self.bull = 0, float(given.close[0, 0]), True

    def on_start(self) -> None:
        """Ask for bars."""
        self.register_indicator_for_bars(BARS, self.fast)
        self.register_indicator_for_bars(BARS, self.slow)
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        """Look at a bar."""
        at, now, before = self.at, bar.close.as_double(), self.before
        if now > self.upper[at] and before < self.upper[at]:
            self._cross("GG_long")
        if now < self.lower[at] and before > self.lower[at]:
            self._cross("GG_short")
        bull = self.fast.value >= self.slow.value
        if bull != self.bull:
            self.bull = bull
            self.said.append((at, "up" if bull else "down"))
        self.at, self.before = at + 1, now

    def _cross(self, kind: str) -> None:
        if self.told[kind] != self.day[self.at]:
            self.told[kind] = self.day[self.at]
            self.said.append((self.at, kind))


def prepare(given: Given) -> Prepared[Found]:
    """Return a run over the minutes of the first symbol."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.CASH, [Money(1_000_000, USD)], USD)
    step = Price(10.0**-DIGITS, DIGITS)
    lot = Quantity.from_int(1)
    engine.add_instrument(Equity(INSTRUMENT, Symbol("S000"), USD, DIGITS, step, lot, 0, 0))
    engine.add_data(_bars(given))
    strategy = GateAndRibbon(given)
    engine.add_strategy(strategy)

    def run() -> Found:
        engine.run()
        found = strategy.said
        engine.dispose()
        return found

    return run


def _bars(given: Given) -> list[Bar]:
    close = given.close[:, 0]
    first = np.concatenate([close[:1], close[:-1]])
    columns = (first, np.maximum(first, close), np.minimum(first, close), close)
    prices = zip(*(each.tolist() for each in columns), strict=True)
    volume = Quantity.from_int(100)
    return [
        Bar(BARS, *(Price(price, DIGITS) for price in four), volume, ts, ts)
        for four, ts in zip(prices, given.ts.tolist(), strict=True)
    ]


def told(given: Given, found: Found) -> Ints:
    """Return what was said as numbers."""
    symbols = given.close.shape[1]
    return np.array(
        [minute * symbols * len(KINDS) + KINDS.index(kind) for minute, kind in found], np.int64
    )


if __name__ == "__main__":
    serve(prepare, told)
