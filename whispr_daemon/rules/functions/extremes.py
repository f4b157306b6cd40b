"""Extremes of the last bars: highest, lowest, donchian, stoch."""

from typing import Final

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
from whispr_daemon.rules.functions.weights import forgets, itself, one_more
from whispr_daemon.rules.nodes import Type


def highest(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """The highest of the last inputs (``ta.highest``). State: a ring of them, the highest."""
    return extreme(given.x[r], floats, f, n, place.length)


def lowest(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """The lowest of the last inputs (``ta.lowest``). State: a ring of them, the lowest negated."""
    return -extreme(-given.x[r], floats, f, n, place.length)


def extreme(x: float, floats: Floats, f: int, n: int, length: int) -> float:
    """Return the highest of one more input and those before it, na while there are too few.

    Only where the highest leaves are the others looked through.
    """
    best, at = f + length, f + n % length
    leaving = floats[at]
    floats[at] = x
    if n == 0 or x >= floats[best]:
        floats[best] = x
    elif n >= length and leaving == floats[best]:
        top = x
        for k in range(length):
            top = max(top, floats[f + k])
        floats[best] = top
    return float(floats[best]) if n + 1 >= length else NAN


_K: Final = (
    "sma(100 * (close - lowest(low, length)) / (highest(high, length) - lowest(low, length)), "
    "smooth_k)"
)

EXTREMES: Final = (
    Function(
        "highest",
        (X, LENGTH),
        Type.NUM,
        Folded(highest, one_more, itself, forgets),
        "the highest of the last inputs",
    ),
    Function(
        "lowest",
        (X, LENGTH),
        Type.NUM,
        Folded(lowest, one_more, itself, forgets),
        "the lowest of the last inputs",
    ),
    Function(
        "donchian",
        (LENGTH,),
        Type.NUM,
        Composed(
            {
                "upper": "highest(high, length)",
                "mid": "(highest(high, length) + lowest(low, length)) / 2",
                "lower": "lowest(low, length)",
            }
        ),
        "Donchian channel: the highest high and the lowest low",
    ),
    Function(
        "stoch",
        (
            LENGTH,
            Parameter("smooth_k", Accepts.LENGTH, 1),
            Parameter("smooth_d", Accepts.LENGTH, 3),
        ),
        Type.NUM,
        Composed({"k": _K, "d": f"sma({_K}, smooth_d)"}),
        "stochastic: where the close is between lowest low and highest high, 0 to 100, smoothed",
    ),
)
