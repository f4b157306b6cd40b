"""Sums as TradingView keeps them, to the last bit: compensated, at times taken anew.

``math.sum`` of Pine, which its averages are made of, carries the rounding error of each step into
the next, and takes the sum anew from its inputs where the error would round the next one down. The
operations and their order are those that PyneCore measured (``pynecore.core.rolling_sum``).
"""

from typing import Final

from whispr_daemon.rules.functions.folds import Floats

CARRIED: Final = 2  # floats before the inputs: the sum, and the error it carries


def gathering(length: int) -> int:
    """Return the floats that :func:`gathered` keeps."""
    return CARRIED + length


def rolling(length: int) -> int:
    """Return the floats that :func:`rolled` keeps."""
    return CARRIED + 2 * length


def gathered(floats: Floats, f: int, x: float, n: int, length: int) -> float:
    """Return the sum of one more input and the ``n`` before it; ``n`` is less than ``length``.

    State: the sum, the error, the inputs.
    """
    floats[f + CARRIED + n] = x
    if n == 0:
        floats[f] = 0.0
        floats[f + 1] = 0.0
    error = floats[f + 1]
    if rounds_down(error, x):
        total = anew(floats, f, x, n, length)
        floats[f + 1] = 0.0
    else:
        total = plus(floats, f, x - error)
    floats[f] = total
    return total


def rolled(floats: Floats, f: int, x: float, n: int, length: int) -> float:
    """Return the sum of the last ``length`` inputs, of all while there are fewer.

    State: the sum, the error, a ring of the inputs, a ring of what each added.
    """
    at = f + CARRIED + length + n % length
    if n < length:
        error = floats[f + 1] if n > 0 else 0.0
        added = x if rounds_down(error, x) else x - error
        gathered(floats, f, x, n, length)
    else:
        error = floats[f + 1]
        floats[f + CARRIED + n % length] = x
        if rounds_down(error, x):
            added = x
            floats[f] = anew(floats, f, x, n, length)
            floats[f + 1] = 0.0
        else:
            before = floats[f]
            out = -floats[at] - error
            without = before + out
            added = x - ((without - before) - out)
            floats[f] = without
            floats[f] = plus(floats, f, added)
    floats[at] = added
    return float(floats[f])


def rounds_down(error: float, x: float) -> bool:
    """Would adding the size of the error to the input round down? Then the sum is taken anew."""
    if error == 0.0 or x == 0.0:
        return False
    size = abs(error)
    moved = x + size
    if moved == 0.0 or moved - moved != 0.0:
        return False
    return size - (moved - x) > 0.0


def anew(floats: Floats, f: int, x: float, n: int, length: int) -> float:
    """Return the sum of an input and up to ``length`` - 1 before it, the newest first."""
    total = x
    for back in range(1, min(n, length - 1) + 1):
        total += floats[f + CARRIED + (n - back) % length]
    return total


def plus(floats: Floats, f: int, added: float) -> float:
    """Return the sum with one thing added; what rounding took away is the error to carry."""
    before = floats[f]
    total = before + added
    floats[f + 1] = (total - before) - added
    return float(total)
