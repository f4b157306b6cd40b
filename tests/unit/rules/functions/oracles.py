"""What our functions are called by TradingView (as PyneCore has it) and by TA-Lib."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import talib
from numpy.typing import NDArray

from tests.unit.rules.functions.bars import Bars, values
from tests.unit.rules.functions.expressions import typed

Floats = NDArray[np.float64]

PINE_LINES: Final = """\
m1, m2, m3 = ta.macd(close, 12, 26, 9)
b1, b2, b3 = ta.bb(close, 20, 2)
k1, k2, k3 = ta.kc(close, 20, 1.5)
d1, d2, d3 = ta.dmi(14, 14)
s1, s2 = ta.supertrend(3, 10)"""
PINE: Final = {  # ours to theirs
    "ema(close, 1)": "ta.ema(close, 1)",
    "ema(close, 13)": "ta.ema(close, 13)",
    "ema(close, 200)": "ta.ema(close, 200)",
    "rma(close, 14)": "ta.rma(close, 14)",
    "sma(close, 3)": "ta.sma(close, 3)",
    "sma(close, 20)": "ta.sma(close, 20)",
    "wma(close, 9)": "ta.wma(close, 9)",
    "hma(close, 9)": "ta.hma(close, 9)",
    "hma(close, 17)": "ta.hma(close, 17)",
    "vwma(close, 5)": "ta.vwma(close, 5)",
    "tr()": "ta.tr(True)",
    "atr(14)": "ta.atr(14)",
    "rsi(close, 2)": "ta.rsi(close, 2)",
    "rsi(close, 14)": "ta.rsi(close, 14)",
    "stdev(close, 20)": "ta.stdev(close, 20)",
    "meandev(close, 20)": "ta.dev(close, 20)",
    "cci(20)": "ta.cci(hlc3, 20)",
    "mfi(14)": "ta.mfi(hlc3, 14)",
    "obv()": "ta.obv",
    "mom(close, 10)": "ta.mom(close, 10)",
    "roc(close, 10)": "ta.roc(close, 10)",
    "change(close)": "ta.change(close)",
    "highest(high, 7)": "ta.highest(high, 7)",
    "lowest(low, 7)": "ta.lowest(low, 7)",
    "stoch(14).k": "ta.stoch(close, high, low, 14)",
    "macd(12, 26, 9).line": "m1",
    "macd(12, 26, 9).signal": "m2",
    "macd(12, 26, 9).hist": "m3",
    "bb(20, 2).mid": "b1",
    "bb(20, 2).upper": "b2",
    "bb(20, 2).lower": "b3",
    "bb(20, 2).width": "ta.bbw(close, 20, 2)",
    "keltner(20, 1.5).mid": "k1",
    "keltner(20, 1.5).upper": "k2",
    "keltner(20, 1.5).lower": "k3",
    "di_plus(14)": "d1",
    "di_minus(14)": "d2",
    "adx(14)": "d3",
    "supertrend(10, 3).line": "s1",
    "supertrend(10, 3).dir": "s2",
    "bars_since(close > open)": "ta.barssince(close > open)",
    "value_when(close > open, close)": "ta.valuewhen(close > open, close, 0)",
}
PINE_EVENTS: Final = {
    "cross(close, ema(close, 3))": "1 if ta.cross(close, ta.ema(close, 3)) else 0",
    "cross(close, open)": "1 if ta.cross(close, open) else 0",
    "crossover(close, open)": "1 if ta.crossover(close, open) else 0",
    "crossunder(close, ema(close, 3))": "1 if ta.crossunder(close, ta.ema(close, 3)) else 0",
}


class TaLib(NamedTuple):
    """TA-Lib's value, from when on it is ours (its seed differs at first), our first bar."""

    value: Callable[[dict[str, Floats]], Any]
    after: int = 0
    first: int = 0


TA_LIB: Final = {
    "ema(close, 13)": TaLib(lambda b: talib.EMA(b["close"], 13), first=12),
    "sma(close, 20)": TaLib(lambda b: talib.SMA(b["close"], 20), first=19),
    "wma(close, 9)": TaLib(lambda b: talib.WMA(b["close"], 9), first=8),
    "sum(close, 7)": TaLib(lambda b: talib.SUM(b["close"], 7), first=6),
    "rsi(close, 14)": TaLib(lambda b: talib.RSI(b["close"], 14), first=14),
    "atr(14)": TaLib(lambda b: talib.ATR(b["high"], b["low"], b["close"], 14), 600, 13),
    "stdev(close, 20)": TaLib(lambda b: talib.STDDEV(b["close"], 20), first=19),
    "macd(12, 26, 9).line": TaLib(lambda b: talib.MACD(b["close"], 12, 26, 9)[0], 400, 25),
    "macd(12, 26, 9).signal": TaLib(lambda b: talib.MACD(b["close"], 12, 26, 9)[1], 400, 33),
    "macd(12, 26, 9).hist": TaLib(lambda b: talib.MACD(b["close"], 12, 26, 9)[2], 400, 33),
    "bb(20, 2).upper": TaLib(lambda b: talib.BBANDS(b["close"], 20, 2, 2)[0], first=19),
    "bb(20, 2).mid": TaLib(lambda b: talib.BBANDS(b["close"], 20, 2, 2)[1], first=19),
    "bb(20, 2).lower": TaLib(lambda b: talib.BBANDS(b["close"], 20, 2, 2)[2], first=19),
    "stoch(14, 3, 3).k": TaLib(lambda b: _stoch(b)[0], first=15),
    "stoch(14, 3, 3).d": TaLib(lambda b: _stoch(b)[1], first=17),
    "cci(20)": TaLib(lambda b: talib.CCI(b["high"], b["low"], b["close"], 20), first=19),
    "adx(14)": TaLib(lambda b: talib.ADX(b["high"], b["low"], b["close"], 14), 900, 27),
    "di_plus(14)": TaLib(lambda b: talib.PLUS_DI(b["high"], b["low"], b["close"], 14), 900, 14),
    "di_minus(14)": TaLib(lambda b: talib.MINUS_DI(b["high"], b["low"], b["close"], 14), 900, 14),
    "mfi(14)": TaLib(lambda b: talib.MFI(b["high"], b["low"], b["close"], b["volume"], 14), 15, 13),
    "roc(close, 10)": TaLib(lambda b: talib.ROC(b["close"], 10), first=10),
    "mom(close, 10)": TaLib(lambda b: talib.MOM(b["close"], 10), first=10),
    # Theirs begins with the volume of the first bar, ours with that of the second.
    "obv()": TaLib(lambda b: talib.OBV(b["close"], b["volume"]) - b["volume"][0], first=1),
    "tr()": TaLib(lambda b: talib.TRANGE(b["high"], b["low"], b["close"])),
    "highest(high, 7)": TaLib(lambda b: talib.MAX(b["high"], 7), first=6),
    "lowest(low, 7)": TaLib(lambda b: talib.MIN(b["low"], 7), first=6),
}


def against_ta_lib(text: str, bars: Bars) -> tuple[int, float]:
    """Return our first bar, and by how much we differ from TA-Lib at most (relative above 1)."""
    oracle = TA_LIB[text]
    columns = {name: np.array(getattr(bars, name), dtype=float) for name in bars._fields[:5]}
    ours, theirs = np.array(values(typed(text), bars)), oracle.value(columns)
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    both[: oracle.after] = False
    apart = np.abs(ours - theirs)[both] / np.maximum(1.0, np.abs(theirs[both]))
    return int(np.flatnonzero(~np.isnan(ours))[0]), float(apart.max())


def _stoch(bars: dict[str, Floats]) -> Any:
    return talib.STOCH(bars["high"], bars["low"], bars["close"], 14, 3, 0, 3, 0)
