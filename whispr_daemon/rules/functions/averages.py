"""Moving averages: ema, rma, sma, wma, hma, and the sum."""

import math
from typing import Final

from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place
from whispr_daemon.rules.functions.function import LENGTH, Folded, Function, X
from whispr_daemon.rules.functions.sums import gathered, gathering, rolled, rolling
from whispr_daemon.rules.functions.weights import (
    ema_weight,
    forgets,
    itself,
    wilder_weight,
)
from whispr_daemon.rules.nodes import Type


def ema(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """``prev + 2 / (length + 1) * (x - prev)``, first the SMA of the first inputs (``ta.ema``).

    The order of operations is the one that agrees with TradingView to the last bit (PyneCore).
    State: the average, while it forms a sum.
    """
    x, length = given.x[r], place.length
    if length == 1:
        return float(x)
    if n >= length:
        average = floats[f]
        floats[f] = average + 2.0 / (length + 1) * (x - average)
        return float(floats[f])
    return seed(floats, f, x, n, length)


def rma(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Wilder's average, ``(prev * (length - 1) + x) / length``, first the SMA (``ta.rma``).

    State: the average, while it forms a sum.
    """
    return smoothed(floats, f, given.x[r], n, place.length)


def smoothed(floats: Floats, f: int, x: float, n: int, length: int) -> float:
    """Return Wilder's average of one more input, na while it forms.

    State: that of :func:`gathered`; the average is where the sum was.
    """
    if n < length:
        return seed(floats, f, x, n, length)
    floats[f] = (floats[f] * (length - 1) + x) / length
    return float(floats[f])


def seed(floats: Floats, f: int, x: float, n: int, length: int) -> float:
    """Return the mean that an average starts as, na before the ``length``-th input."""
    total = gathered(floats, f, x, n, length)
    if n + 1 < length:
        return NAN
    floats[f] = total / length
    return float(floats[f])


def sma(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Mean of the last inputs (``ta.sma``). State: that of a rolling sum."""
    total = rolled(floats, f, given.x[r], n, place.length)
    return total / place.length if n + 1 >= place.length else NAN


def total(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Sum of the last inputs (``math.sum``). State: that of a rolling sum."""
    value = rolled(floats, f, given.x[r], n, place.length)
    return value if n + 1 >= place.length else NAN


def wma(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Mean of the last inputs, the newest ``length`` times, the oldest once (``ta.wma``).

    Summed anew, the oldest first, as TradingView does. State: a ring of the inputs.
    """
    length = place.length
    floats[f + n % length] = given.x[r]
    return weighted(floats, f, n, length, length) if n + 1 >= length else NAN


def hma(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Hull's average: the WMA over √length of ``2 * wma(x, length / 2) - wma(x, length)``.

    Lengths are rounded down (``ta.hma``). State: a ring of the inputs, a ring of that.
    """
    length, short = place.length, root(place.length)
    floats[f + n % length] = given.x[r]
    if n + 1 < length:
        return NAN
    m = n + 1 - length  # how many of the second ring came before
    fast = weighted(floats, f, n, length, max(length // 2, 1))
    floats[f + length + m % short] = 2.0 * fast - weighted(floats, f, n, length, length)
    return weighted(floats, f + length, m, short, short) if m + 1 >= short else NAN


def weighted(floats: Floats, f: int, n: int, size: int, length: int) -> float:
    """Return the WMA of the last ``length`` of a ring of ``size`` where input ``n`` came last."""
    above = 0.0
    for k in range(length):
        above += floats[f + (n + 1 - length + k) % size] * (k + 1.0)
    return above / (length * (length + 1) / 2)


def root(length: int) -> int:
    """Return the square root, rounded down."""
    return int(math.sqrt(length))


def two_rings(length: int) -> int:
    """Return the floats of :func:`hma`."""
    return length + root(length)


def both_formed(length: int) -> int:
    """Return the inputs until :func:`hma` has a value."""
    return length + root(length) - 1


AVERAGES: Final = (
    Function(
        "ema",
        (X, LENGTH),
        Type.NUM,
        Folded(ema, gathering, itself, ema_weight),
        "exponential average, weight 2/(length + 1), seeded by the mean of the first inputs",
    ),
    Function(
        "rma",
        (X, LENGTH),
        Type.NUM,
        Folded(rma, gathering, itself, wilder_weight),
        "Wilder's average, weight 1/length, seeded by the mean of the first inputs",
    ),
    Function(
        "sma",
        (X, LENGTH),
        Type.NUM,
        Folded(sma, rolling, itself, forgets),
        "mean of the last inputs",
    ),
    Function(
        "wma",
        (X, LENGTH),
        Type.NUM,
        Folded(wma, itself, itself, forgets),
        "mean of the last inputs, each weighing one more than the one before it",
    ),
    Function(
        "hma",
        (X, LENGTH),
        Type.NUM,
        Folded(hma, two_rings, both_formed, forgets),
        "Hull's average: wma(2 * wma(x, length/2) - wma(x, length), √length)",
    ),
    Function(
        "sum",
        (X, LENGTH),
        Type.NUM,
        Folded(total, rolling, itself, forgets),
        "sum of the last inputs",
    ),
)
