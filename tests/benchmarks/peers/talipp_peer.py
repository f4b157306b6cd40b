"""talipp: the averages alone, a price at a time; the turns are made of them afterwards, untimed."""

import numpy as np
from talipp.indicators import EMA

from tests.benchmarks.peers.serving import Floats, Given, Ints, Prepared, serve, turns

Found = list[tuple[EMA, EMA]]  # by symbol


def prepare(given: Given) -> Prepared[Found]:
    """Return a run over all minutes of one symbol after another."""
    columns = given.close.T.tolist()

    def run() -> Found:
        found = [(EMA(13), EMA(48)) for _ in columns]
        for closes, (fast, slow) in zip(columns, found, strict=True):
            for close in closes:
                fast.add(close)
                slow.add(close)
        return found

    return run


def told(_: Given, found: Found) -> Ints:
    """Return the turns as numbers."""
    fast, slow = (np.stack([_values(one) for one in each], 1) for each in zip(*found, strict=True))
    return turns(fast, slow)


def _values(average: EMA) -> Floats:
    return np.array([np.nan if each is None else each for each in average])


if __name__ == "__main__":
    serve(prepare, told)
