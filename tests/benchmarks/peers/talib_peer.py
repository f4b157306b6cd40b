"""TA-Lib: the averages alone, a batch at once; the turns are made of them afterwards, untimed."""

import numpy as np
import talib

from tests.benchmarks.peers.serving import Floats, Given, Ints, Prepared, serve, turns

Found = list[tuple[Floats, Floats]]  # by symbol


def prepare(given: Given) -> Prepared[Found]:
    """Return a run over all minutes of one symbol after another."""
    columns = [np.ascontiguousarray(each) for each in given.close.T]
    return lambda: [(talib.EMA(each, 13), talib.EMA(each, 48)) for each in columns]


def told(_: Given, found: Found) -> Ints:
    """Return the turns as numbers."""
    fast, slow = (np.stack(each, axis=1) for each in zip(*found, strict=True))
    return turns(fast, slow)


if __name__ == "__main__":
    serve(prepare, told)
