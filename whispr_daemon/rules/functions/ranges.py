"""Ranges of bars: tr, atr, Keltner channels."""

from typing import Final

from whispr_daemon.rules.functions.averages import smoothed
from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place, true_range
from whispr_daemon.rules.functions.function import FACTOR, LENGTH, Composed, Folded, Function
from whispr_daemon.rules.functions.sums import gathering
from whispr_daemon.rules.functions.weights import forgets, itself, one, two, wilder_weight
from whispr_daemon.rules.nodes import Type


def tr(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
    """``max(h - l, |h - c1|, |l - c1|)``, of the first bar h - l (``ta.tr(true)``).

    State: the close.
    """
    move = true_range(given.high[r], given.low[r], floats[f] if n > 0 else NAN)
    floats[f] = given.x[r]
    return move


def tr_na(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
    """:func:`tr`, of the first bar na (``ta.tr``). State: the close."""
    move = true_range(given.high[r], given.low[r], floats[f]) if n > 0 else NAN
    floats[f] = given.x[r]
    return move


def atr(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """RMA of :func:`tr`, first on bar ``length`` (``ta.atr``). State: the close, the RMA."""
    move = true_range(given.high[r], given.low[r], floats[f] if n > 0 else NAN)
    floats[f] = given.x[r]
    return smoothed(floats, f + 1, move, n, place.length)


def close_and_average(length: int) -> int:
    """Return the floats of :func:`atr`."""
    return 1 + gathering(length)


_BAND: Final = "ema(tr_na(), length) * factor"

RANGES: Final = (
    Function(
        "tr",
        (),
        Type.NUM,
        Folded(tr, one, one, forgets),
        "true range: the largest of high - low and both distances to the previous close",
    ),
    Function(
        "tr_na",
        (),
        Type.NUM,
        Folded(tr_na, one, two, forgets),
        "true range, na of the first bar",
        hidden=True,
    ),
    Function(
        "atr",
        (LENGTH,),
        Type.NUM,
        Folded(atr, close_and_average, itself, wilder_weight),
        "Wilder's average of the true range",
    ),
    Function(
        "keltner",
        (LENGTH, FACTOR),
        Type.NUM,
        Composed(
            {
                "upper": f"ema(close, length) + {_BAND}",
                "mid": "ema(close, length)",
                "lower": f"ema(close, length) - {_BAND}",
            }
        ),
        "Keltner channel: EMA of the close ± factor EMAs of the true range",
    ),
)
