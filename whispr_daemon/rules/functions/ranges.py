"""Ranges of bars: tr, atr."""

from typing import Final

from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place, true_range, wilder
from whispr_daemon.rules.functions.function import LENGTH, Folded, Function
from whispr_daemon.rules.functions.weights import forgets, itself, one, wilder_weight
from whispr_daemon.rules.nodes import Type


def tr(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
    """True range; of the first bar high - low. State: the close."""
    move = true_range(given.high[r], given.low[r], floats[f] if n else NAN)
    floats[f] = given.x[r]
    return move


def atr(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """RMA of the true range; the first value on bar ``length``. State: the average, the close."""
    length = place.length
    move = true_range(given.high[r], given.low[r], floats[f + 1] if n else NAN)
    average = wilder(floats[f], move, n, length)
    floats[f] = average
    floats[f + 1] = given.x[r]
    return average if n + 1 >= length else NAN


def _average_and_close(_length: int) -> int:
    return 2


RANGES: Final = (
    Function(
        "tr",
        (),
        Type.NUM,
        Folded(tr, one, one, forgets),
        "true range: the largest of high - low and both distances to the previous close",
    ),
    Function(
        "atr",
        (LENGTH,),
        Type.NUM,
        Folded(atr, _average_and_close, itself, wilder_weight),
        "Wilder's average of the true range",
    ),
)
