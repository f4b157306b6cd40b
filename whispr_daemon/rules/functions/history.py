"""Earlier values: ``x[n]``, change, mom, roc, rising, falling."""

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
from whispr_daemon.rules.functions.weights import forgets, itself, one_more, two
from whispr_daemon.rules.nodes import Type


def hist(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """The value ``length`` bars earlier, ``x[length]``. State: a ring of them."""
    length = place.length
    oldest = f + n % length
    value = float(floats[oldest]) if n >= length else NAN
    floats[oldest] = given.x[r]
    return value


def rises(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """How many inputs in a row were above the one before. State: the input, the count."""
    return steps(given.x[r], floats, f, n, place.length)


def falls(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """How many inputs in a row were below the one before. State: the input negated, the count."""
    return steps(-given.x[r], floats, f, n, place.length)


def steps(x: float, floats: Floats, f: int, n: int, length: int) -> float:
    """Return how many strict steps up came in a row, na before ``length`` steps were seen."""
    floats[f + 1] = floats[f + 1] + 1.0 if n > 0 and x > floats[f] else 0.0
    floats[f] = x
    return float(floats[f + 1]) if n >= length else NAN


_BACK: Final = Parameter("length", Accepts.LENGTH, 1)

HISTORY: Final = (
    Function(
        "hist",
        (X, LENGTH),
        Type.NUM,
        Folded(hist, itself, one_more, forgets, every_bar=True),
        "the value length bars earlier: x[length]",
        hidden=True,
    ),
    Function(
        "change",
        (X, _BACK),
        Type.NUM,
        Composed({"": "x - hist(x, length)"}),
        "x - x[length]",
    ),
    Function(
        "pct_change",
        (X, _BACK),
        Type.NUM,
        Composed({"": "x / hist(x, length) - 1"}),
        "x / x[length] - 1",
    ),
    Function(
        "mom",
        (X, LENGTH),
        Type.NUM,
        Composed({"": "x - hist(x, length)"}),
        "momentum: x - x[length]",
    ),
    Function(
        "roc",
        (X, LENGTH),
        Type.NUM,
        Composed({"": "100 * (x - hist(x, length)) / hist(x, length)"}),
        "rate of change: 100 * (x - x[length]) / x[length]",
    ),
    Function(
        "rises",
        (X, LENGTH),
        Type.NUM,
        Folded(rises, two, one_more, forgets),
        "strict steps up in a row",
        hidden=True,
    ),
    Function(
        "falls",
        (X, LENGTH),
        Type.NUM,
        Folded(falls, two, one_more, forgets),
        "strict steps down in a row",
        hidden=True,
    ),
    Function(
        "rising",
        (X, LENGTH),
        Type.BOOL,
        Composed({"": "rises(x, length) >= length"}),
        "x rose on each of the last length bars",
    ),
    Function(
        "falling",
        (X, LENGTH),
        Type.BOOL,
        Composed({"": "falls(x, length) >= length"}),
        "x fell on each of the last length bars",
    ),
)
