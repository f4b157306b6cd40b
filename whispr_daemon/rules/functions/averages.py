"""Moving averages: ema, rma, sma."""

from typing import Final

from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place, seeded, wilder
from whispr_daemon.rules.functions.function import LENGTH, Folded, Function, X
from whispr_daemon.rules.functions.weights import (
    ema_weight,
    forgets,
    itself,
    one,
    wilder_weight,
)
from whispr_daemon.rules.nodes import Type


def ema(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """EMA: the first value is the SMA of the first inputs. State: the average."""
    length = place.length
    x, average = given.x[r], floats[f]
    if n < length:
        average = seeded(average, x, n, length)
    elif length == 1:
        average = x  # which the line below need not give, to the last bit
    else:
        average = average + 2.0 / (length + 1) * (x - average)  # bit-exact in this order only
    floats[f] = average
    return float(average) if n + 1 >= length else NAN


def rma(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Wilder's average, seeded by an SMA. State: the average."""
    length = place.length
    average = wilder(floats[f], given.x[r], n, length)
    floats[f] = average
    return average if n + 1 >= length else NAN


def sma(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Mean of the last inputs, summed anew. State: a ring of them."""
    length = place.length
    floats[f + n % length] = given.x[r]
    if n + 1 < length:
        return NAN
    total = 0.0
    for k in range(length):
        total += floats[f + (n + 1 + k) % length]  # oldest first
    return total / length


AVERAGES: Final = (
    Function(
        "ema",
        (X, LENGTH),
        Type.NUM,
        Folded(ema, one, itself, ema_weight),
        "exponential average, weight 2/(length + 1), seeded by the mean of the first inputs",
    ),
    Function(
        "rma",
        (X, LENGTH),
        Type.NUM,
        Folded(rma, one, itself, wilder_weight),
        "Wilder's average, weight 1/length, seeded by the mean of the first inputs",
    ),
    Function(
        "sma",
        (X, LENGTH),
        Type.NUM,
        Folded(sma, itself, itself, forgets),
        "mean of the last inputs",
    ),
)
