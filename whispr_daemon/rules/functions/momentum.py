"""Momentum: rsi, macd, cci."""

from typing import Final

from whispr_daemon.rules.functions.averages import smoothed
from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place
from whispr_daemon.rules.functions.function import (
    LENGTH,
    Accepts,
    Composed,
    Folded,
    Function,
    Parameter,
    X,
)
from whispr_daemon.rules.functions.sums import gathering
from whispr_daemon.rules.functions.weights import one_more, wilder_weight
from whispr_daemon.rules.nodes import Type

_NOTHING: Final = 1e-10  # an average change up to this is none


def rsi(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """``100 - 100 / (1 + gain / loss)``, both RMAs of the changes (``ta.rsi``).

    An average up to 1e-10 is none: without losses it is 100, else without gains 0.
    State: the close, both averages.
    """
    x, length = given.x[r], place.length
    before = floats[f]
    floats[f] = x
    if n == 0:
        return NAN
    gain = smoothed(floats, f + 1, max(x - before, 0.0), n - 1, length)
    loss = smoothed(floats, f + 1 + gathering(length), max(before - x, 0.0), n - 1, length)
    if n < length:
        return NAN
    if loss <= _NOTHING:
        return 100.0
    if gain <= _NOTHING:
        return 0.0
    return 100.0 - 100.0 / (1.0 + gain / loss)


def close_gain_and_loss(length: int) -> int:
    """Return the floats of :func:`rsi`."""
    return 1 + 2 * gathering(length)


_FAST: Final = Parameter("fast", Accepts.LENGTH)
_SLOW: Final = Parameter("slow", Accepts.LENGTH)
_SMOOTH: Final = Parameter("smooth", Accepts.LENGTH)
_LINE: Final = "(ema(close, fast) - ema(close, slow))"
_SIGNAL: Final = f"ema({_LINE}, smooth)"

MOMENTUM: Final = (
    Function(
        "rsi",
        (X, LENGTH),
        Type.NUM,
        Folded(rsi, close_gain_and_loss, one_more, wilder_weight),
        "relative strength: Wilder's average of gains against that of losses, 0 to 100",
    ),
    Function(
        "macd",
        (_FAST, _SLOW, _SMOOTH),
        Type.NUM,
        Composed({"line": _LINE, "signal": _SIGNAL, "hist": f"{_LINE} - {_SIGNAL}"}),
        "EMA(fast) - EMA(slow) of the close; the signal is its EMA(smooth), hist the difference",
    ),
    Function(
        "cci",
        (LENGTH,),
        Type.NUM,
        Composed({"": "(hlc3 - sma(hlc3, length)) / (0.015 * meandev(hlc3, length))"}),
        "commodity channel index: hlc3 from its mean, in mean distances of 0.015",
    ),
)
