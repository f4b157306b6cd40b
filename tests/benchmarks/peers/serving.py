"""How a peer's process is asked: a line in, one run, a line out. Knows numpy, and nothing of ours.

A process is started with a folder of arrays, and says in a line that it is ready. It answers each
request, ``{"minutes": 1000}``, with
``{"seconds": 0.1, "signals": "FILE.npy"}``; what is timed is neither its start nor the making of
its own forms of the bars, only the run from bars in memory to what is found in memory.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

KINDS: Final = ("GG_long", "GG_short", "up", "down")  # of signals; turns are the last two

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

Raw = TypeVar("Raw")


class Given(NamedTuple):
    """T minutes of S symbols."""

    ts: Ints  # (T,): ns UTC
    day: Ints  # (T,)
    close: Floats  # (T, S)
    upper: Floats  # (T, S): the levels of the day
    lower: Floats  # (T, S)

    def first(self, minutes: int) -> "Given":
        """Return the first minutes, each array in one piece."""
        made = np.ascontiguousarray
        return Given(
            made(self.ts[:minutes]),
            made(self.day[:minutes]),
            made(self.close[:minutes]),
            made(self.upper[:minutes]),
            made(self.lower[:minutes]),
        )


Prepared = Callable[[], Raw]  # the run that is timed


def serve(prepare: Callable[[Given], Prepared[Raw]], told: Callable[[Given, Raw], Ints]) -> None:
    """Answer requests until there are no more; ``told`` makes numbers of what a run found."""
    folder = Path(sys.argv[1])
    loaded: list[Any] = [np.load(folder / f"{name}.npy") for name in Given._fields]
    everything = Given(*loaded)
    answer, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    print("ready", file=answer, flush=True)
    for line in sys.stdin:
        minutes = json.loads(line)["minutes"]
        given = everything.first(minutes)
        run = prepare(given)
        gc.collect()
        began = time.perf_counter()  # noqa: TID251 - a peer's process has no port of ours
        found = run()
        seconds = time.perf_counter() - began  # noqa: TID251
        file = folder / f"{Path(sys.argv[0]).stem}.npy"
        np.save(file, np.sort(told(given, found)))
        print(json.dumps({"seconds": seconds, "signals": str(file)}), file=answer, flush=True)


def numbers(flags: Flags, kind: str) -> Ints:
    """Return signals, flags of shape (T, S), as numbers: (minute * S + symbol) * 4 + kind."""
    return np.flatnonzero(flags) * len(KINDS) + KINDS.index(kind)


def turns(fast: Floats, slow: Floats) -> Ints:
    """Return where one average comes to stand at or above another, and where below."""
    bull = fast >= slow
    up, down = np.zeros_like(bull), np.zeros_like(bull)
    up[1:], down[1:] = bull[1:] & ~bull[:-1], ~bull[1:] & bull[:-1]
    return np.concatenate([numbers(up, "up"), numbers(down, "down")])


def once_a_day(flags: Flags, day: Ints) -> Flags:
    """Return of flags, shape (T, S), the first of each day."""
    first = np.zeros_like(flags)
    for symbol in range(flags.shape[1]):
        at = np.flatnonzero(flags[:, symbol])
        first[at[np.diff(day[at], prepend=-1) != 0], symbol] = True
    return first


def crosses(given: Given) -> tuple[Flags, Flags]:
    """Return where the close crosses the upper level upwards, and the lower one downwards."""
    up, down = np.zeros(given.close.shape, bool), np.zeros(given.close.shape, bool)
    now, before = given.close[1:], given.close[:-1]
    up[1:] = (now > given.upper[1:]) & (before < given.upper[1:])
    down[1:] = (now < given.lower[1:]) & (before > given.lower[1:])
    return up, down
