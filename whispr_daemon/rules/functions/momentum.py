"""Momentum: rsi."""

from typing import Final

from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place, wilder
from whispr_daemon.rules.functions.function import LENGTH, Folded, Function, X
from whispr_daemon.rules.functions.weights import one_more, wilder_weight
from whispr_daemon.rules.nodes import Type

_NOTHING: Final = 1e-10  # an average change up to this is none


def rsi(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """RSI over Wilder averages of gains and losses. State: the close, both averages."""
    length = place.length
    x = given.x[r]
    if n > 0:
        change = x - floats[f]
        gain = change if change > 0.0 else 0.0
        loss = -change if change < 0.0 else 0.0
        floats[f + 1] = wilder(floats[f + 1], gain, n - 1, length)
        floats[f + 2] = wilder(floats[f + 2], loss, n - 1, length)
    floats[f] = x
    return strength(floats[f + 1], floats[f + 2]) if n >= length else NAN


def strength(gain: float, loss: float) -> float:
    """Return the RSI of an average gain and loss."""
    if loss <= _NOTHING:
        return 100.0
    if gain <= _NOTHING:
        return 0.0
    return 100.0 - 100.0 / (1.0 + gain / loss)


def _close_gain_and_loss(_length: int) -> int:
    return 3


MOMENTUM: Final = (
    Function(
        "rsi",
        (X, LENGTH),
        Type.NUM,
        Folded(rsi, _close_gain_and_loss, one_more, wilder_weight),
        "relative strength: Wilder's average of gains against that of losses, 0 to 100",
    ),
)
