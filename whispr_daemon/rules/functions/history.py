"""Earlier values: ``x[n]``, which has no name to call it by."""

from typing import Final

from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place
from whispr_daemon.rules.functions.function import Folded
from whispr_daemon.rules.functions.weights import forgets, itself, one_more


def hist(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """The value ``length`` bars earlier. State: a ring of them."""
    length = place.length
    oldest = f + n % length
    value = float(floats[oldest]) if n >= length else NAN
    floats[oldest] = given.x[r]
    return value


HISTORY: Final = Folded(hist, itself, one_more, forgets, every_bar=True)
