"""Trend: supertrend."""

from typing import Final

from whispr_daemon.rules.functions.averages import smoothed
from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place, true_range
from whispr_daemon.rules.functions.function import FACTOR, LENGTH, Composed, Folded, Function
from whispr_daemon.rules.functions.sums import gathering
from whispr_daemon.rules.functions.weights import itself, wilder_weight
from whispr_daemon.rules.nodes import Type

# State: the close, the bands, the way (1 down, -1 up), then the ATR.
_LOWER: Final = 1
_UPPER: Final = 2
_WAY: Final = 3
_ATR: Final = 4


def supertrend_line(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """The band that price trails (``ta.supertrend``), see :func:`trailed`."""
    way = trailed(given, r, floats, f, n, place)
    if way != way:
        return NAN
    return float(floats[f + _UPPER] if way > 0.0 else floats[f + _LOWER])


def supertrend_dir(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """1 down, -1 up, as TradingView has it (``ta.supertrend``), see :func:`trailed`."""
    return trailed(given, r, floats, f, n, place)


def trailed(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """Take a bar into the bands and return the way, na while the ATR forms.

    The bands are hl2 ± factor * ATR; the lower only rises and the upper only falls, until the
    close before was beyond it. The way turns where the close is beyond the band it trails; it
    is down at first.
    """
    close, before = given.x[r], floats[f]
    floats[f] = close
    move = true_range(given.high[r], given.low[r], before if n > 0 else NAN)
    average = smoothed(floats, f + _ATR, move, n, place.length)
    if average != average:
        return NAN
    middle = (given.high[r] + given.low[r]) / 2.0
    lower = middle - place.factor * average
    upper = middle + place.factor * average
    if n + 1 == place.length:
        way = 1.0
    else:
        fell = floats[f + _WAY] > 0.0 or floats[f + _LOWER] == floats[f + _UPPER]
        if not (lower > floats[f + _LOWER] or before < floats[f + _LOWER]):
            lower = floats[f + _LOWER]
        if not (upper < floats[f + _UPPER] or before > floats[f + _UPPER]):
            upper = floats[f + _UPPER]
        falls = close <= upper if fell else close < lower
        way = 1.0 if falls else -1.0
    floats[f + _LOWER] = lower
    floats[f + _UPPER] = upper
    floats[f + _WAY] = way
    return way


def bands_and_average(length: int) -> int:
    """Return the floats of :func:`trailed`."""
    return _ATR + gathering(length)


TREND: Final = (
    Function(
        "supertrend_line",
        (LENGTH, FACTOR),
        Type.NUM,
        Folded(supertrend_line, bands_and_average, itself, wilder_weight),
        "the line of supertrend",
        hidden=True,
    ),
    Function(
        "supertrend_dir",
        (LENGTH, FACTOR),
        Type.NUM,
        Folded(supertrend_dir, bands_and_average, itself, wilder_weight),
        "the way of supertrend",
        hidden=True,
    ),
    Function(
        "supertrend",
        (LENGTH, FACTOR),
        Type.NUM,
        Composed(
            {
                "line": "supertrend_line(length, factor)",
                "dir": "supertrend_dir(length, factor)",
            }
        ),
        "a band at factor ATRs that price trails; dir is -1 up, 1 down, as TradingView has it",
    ),
)
