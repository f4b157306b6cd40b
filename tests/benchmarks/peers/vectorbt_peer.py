"""vectorbt: averages by its own kernels, all else as arrays. It takes a batch, nothing live.

Its kernels are those of numba; vectorbt-rust was no quicker at this when it was tried.
"""

import numpy as np
import vectorbt

from tests.benchmarks.peers.serving import (
    Flags,
    Floats,
    Given,
    Ints,
    Prepared,
    crosses,
    numbers,
    once_a_day,
    serve,
)

Found = tuple[Flags, Flags, Flags, Flags]


def prepare(given: Given) -> Prepared[Found]:
    """Return a run over all minutes of all symbols."""
    _run(given.first(100))  # compiles
    return lambda: _run(given)


def _run(given: Given) -> Found:
    bull = _average(given.close, 13) >= _average(given.close, 48)
    up, down = np.zeros_like(bull), np.zeros_like(bull)
    up[1:], down[1:] = bull[1:] & ~bull[:-1], ~bull[1:] & bull[:-1]
    above, below = crosses(given)
    return once_a_day(above, given.day), once_a_day(below, given.day), up, down


def _average(close: Floats, window: int) -> Floats:
    found: Floats = vectorbt.MA.run(close, window, ewm=True).ma.to_numpy()
    return found


def told(_: Given, found: Found) -> Ints:
    """Return what was found as numbers."""
    names = ("GG_long", "GG_short", "up", "down")
    return np.concatenate([numbers(*each) for each in zip(found, names, strict=True)])


if __name__ == "__main__":
    serve(prepare, told)
