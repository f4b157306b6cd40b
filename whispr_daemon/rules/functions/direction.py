"""Directional movement: di_plus, di_minus, adx."""

from typing import Final

from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place
from whispr_daemon.rules.functions.function import LENGTH, Composed, Folded, Function
from whispr_daemon.rules.functions.weights import forgets, two
from whispr_daemon.rules.nodes import Type

_NOTHING: Final = 1e-10  # moves nearer than this are equal, as TradingView compares them


def dm_plus(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
    """Rise of the high where it is the larger move, else 0, first na (``ta.dmi``).

    State: the high, the low.
    """
    up, down = moves(given, r, floats, f, n)
    return larger(up, down)


def dm_minus(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
    """Fall of the low where it is the larger move, else 0, first na (``ta.dmi``).

    State: the high, the low.
    """
    up, down = moves(given, r, floats, f, n)
    return larger(down, up)


def moves(given: Input, r: int, floats: Floats, f: int, n: int) -> tuple[float, float]:
    """Return by how much the high rose and the low fell, na on the first bar."""
    high, low = given.high[r], given.low[r]
    up = high - floats[f] if n > 0 else NAN
    down = floats[f + 1] - low if n > 0 else NAN
    floats[f] = high
    floats[f + 1] = low
    return up, down


def larger(move: float, other: float) -> float:
    """Return a move that is one and larger than the other, else 0; na if na."""
    if move != move:
        return NAN
    return move if move - other > _NOTHING and move > _NOTHING else 0.0


_PLUS: Final = "(100 * rma(dm_plus(), length) / rma(tr_na(), length))"
_MINUS: Final = "(100 * rma(dm_minus(), length) / rma(tr_na(), length))"
_BOTH: Final = f"({_PLUS} + {_MINUS})"
_APART: Final = f"(abs({_PLUS} - {_MINUS}) / if({_BOTH} != 0, {_BOTH}, 1))"

DIRECTION: Final = (
    Function(
        "dm_plus",
        (),
        Type.NUM,
        Folded(dm_plus, two, two, forgets),
        "movement of the highs, where it is the larger",
        hidden=True,
    ),
    Function(
        "dm_minus",
        (),
        Type.NUM,
        Folded(dm_minus, two, two, forgets),
        "movement of the lows, where it is the larger",
        hidden=True,
    ),
    Function(
        "di_plus",
        (LENGTH,),
        Type.NUM,
        Composed({"": _PLUS}),
        "+DI: RMA of upward movement, in percent of the RMA of the true range",
    ),
    Function(
        "di_minus",
        (LENGTH,),
        Type.NUM,
        Composed({"": _MINUS}),
        "-DI: RMA of downward movement, in percent of the RMA of the true range",
    ),
    Function(
        "adx",
        (LENGTH,),
        Type.NUM,
        Composed({"": f"rma({_APART}, length) * 100"}),
        "average directional index: RMA of how far +DI and -DI are apart, of their sum",
    ),
)
