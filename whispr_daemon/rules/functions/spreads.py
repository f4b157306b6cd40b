"""How far values spread: stdev, meandev, Bollinger bands."""

import math
from typing import Final

from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place
from whispr_daemon.rules.functions.function import (
    FACTOR,
    LENGTH,
    Composed,
    Folded,
    Function,
    X,
)
from whispr_daemon.rules.functions.sums import CARRIED, rolled, rolling
from whispr_daemon.rules.functions.weights import forgets, itself
from whispr_daemon.rules.nodes import Type


def stdev(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Population deviation around the SMA, ``√(Σx²/length - (Σx/length)²)`` (``ta.stdev``).

    Where rounding makes the difference negative it is 0. State: two rolling sums.
    """
    x, length = given.x[r], place.length
    values = rolled(floats, f, x, n, length)
    squares = rolled(floats, f + rolling(length), x * x, n, length)
    if n + 1 < length:
        return NAN
    mean = values / length
    return math.sqrt(max(0.0, squares / length - mean * mean))


def meandev(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Mean distance to the SMA (``ta.dev``), the newest first. State: a rolling sum."""
    length = place.length
    mean = rolled(floats, f, given.x[r], n, length) / length
    if n + 1 < length:
        return NAN
    away = 0.0
    for back in range(length):
        away += abs(floats[f + CARRIED + (n - back) % length] - mean)
    return away / length


def two_sums(length: int) -> int:
    """Return the floats of two rolling sums."""
    return 2 * rolling(length)


_MID: Final = "sma(close, length)"
_BAND: Final = "stdev(close, length) * factor"

SPREADS: Final = (
    Function(
        "stdev",
        (X, LENGTH),
        Type.NUM,
        Folded(stdev, two_sums, itself, forgets),
        "standard deviation of the last inputs, of the population (÷ length)",
    ),
    Function(
        "meandev",
        (X, LENGTH),
        Type.NUM,
        Folded(meandev, rolling, itself, forgets),
        "mean distance of the last inputs to their mean",
    ),
    Function(
        "bb",
        (LENGTH, FACTOR),
        Type.NUM,
        Composed(
            {
                "upper": f"{_MID} + {_BAND}",
                "mid": _MID,
                "lower": f"{_MID} - {_BAND}",
                "width": f"(({_MID} + {_BAND}) - ({_MID} - {_BAND})) / {_MID} * 100",
            }
        ),
        "Bollinger bands: mean ± factor deviations of the close; width is in percent of the mean",
    ),
)
