"""backtesting.py: averages as arrays, and a call for each bar."""

import sys
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from tests.benchmarks.peers.serving import (
    KINDS,
    Floats,
    Given,
    Ints,
    Prepared,
    serve,
)

Found = list[tuple[int, str]]  # a minute, and a kind


class GateAndRibbon(Strategy):  # type: ignore[misc]
    """Says what is to be said in ``said``."""

    said: Found = []  # noqa: RUF012 - parameters are attributes of the class

    def init(self) -> None:
        """Declare the averages."""
        self.fast = self.I(_average, self.data.Close, 13)
        self.slow = self.I(_average, self.data.Close, 48)
        self.told = {"GG_long": -1, "GG_short": -1}
        self.bull = True

    def next(self) -> None:
        """Look at a bar."""
        data: Any = self.data
        if len(data) < 2:
            return
        now, before, day = data.Close[-1], data.Close[-2], data.Day[-1]
        if now > data.Upper[-1] and before < data.Upper[-1]:
            self._cross("GG_long", day)
        if now < data.Lower[-1] and before > data.Lower[-1]:
            self._cross("GG_short", day)
        bull = self.fast[-1] >= self.slow[-1]
        if bull != self.bull:
            self.bull = bull
            self.said.append((len(data) - 1, "up" if bull else "down"))

    def _cross(self, kind: str, day: int) -> None:
        if self.told[kind] != day:
            self.told[kind] = day
            self.said.append((len(self.data) - 1, kind))


def _average(close: Floats, span: int) -> Floats:
    found: Floats = pd.Series(close).ewm(span=span, adjust=False).mean().to_numpy()
    return found


def prepare(given: Given) -> Prepared[Found]:
    """Return a run over the minutes of the first symbol."""
    close = given.close[:, 0]
    first = np.concatenate([close[:1], close[:-1]])
    columns = {
        "Open": first,
        "High": np.maximum(first, close),
        "Low": np.minimum(first, close),
        "Close": close,
        "Upper": given.upper[:, 0],
        "Lower": given.lower[:, 0],
        "Day": given.day,
    }
    frame = pd.DataFrame(columns, index=pd.to_datetime(given.ts))
    # Cash enough that no price is too high for it; nothing is traded.
    test = Backtest(frame, GateAndRibbon, cash=1e12)

    def run() -> Found:
        GateAndRibbon.said = []
        test.run()
        return GateAndRibbon.said

    return run


def told(given: Given, found: Found) -> Ints:
    """Return what was said as numbers."""
    symbols = given.close.shape[1]
    return np.array(
        [minute * symbols * len(KINDS) + KINDS.index(kind) for minute, kind in found], np.int64
    )


if __name__ == "__main__":
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    serve(prepare, told)
