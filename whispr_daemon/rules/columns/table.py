"""State of all instruments as two flat arrays, one row a slot; it grows as instruments appear."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.functions.folds import State

_FIRST_SLOTS: Final = 8


class Table:
    """``width_floats`` float64 (NaN at first) and ``width_ints`` int64 (0 at first) a slot."""

    def __init__(self, width_floats: int, width_ints: int) -> None:
        """Start with no slots."""
        self.floats: NDArray[np.float64] = np.empty((0, width_floats))
        self.ints: NDArray[np.int64] = np.empty((0, width_ints), dtype=np.int64)
        self._state: State | None = None
        self._moved: Callable[[], None] | None = None

    def reserve(self, slots: int) -> None:
        """Make room for ``slots`` slots."""
        if slots > len(self.ints):
            self._grow(slots)

    def state(self, slots: int) -> State:
        """Return flat views with room for ``slots`` slots. They are valid until it grows."""
        self.reserve(slots)
        if self._state is None:
            # A memoryview gives Python floats three times as fast as an array does.
            self._state = State(_flat(self.floats), _flat(self.ints))
        return self._state

    def arrays(self, slots: int) -> State:
        """Return the same as flat arrays, as compiled kernels take them."""
        self.reserve(slots)
        return State(self.floats.reshape(-1), self.ints.reshape(-1))

    def counts(self, place: int, slots: int) -> NDArray[np.int64]:
        """Return an integer of each slot, 0 of those it has no room for, and 0 after the last."""
        found = np.zeros(slots + 1, dtype=np.int64)
        there = min(slots, len(self.ints))
        found[:there] = self.ints[:there, place]
        return found

    def clear(self) -> None:
        """Forget everything; views given out before stay with the old state."""
        self._lie(np.empty((0, self.floats.shape[1])), self.ints[:0].copy())

    def lie_in(self, floats: NDArray[Any], ints: NDArray[Any], moved: Callable[[], None]) -> None:
        """Move to memory that somebody keeps, who is told when it has moved away from there.

        There are as many slots, or more; what is in the memory is overwritten.
        """
        count = len(self.ints)
        floats[:count], ints[:count] = self.floats, self.ints
        floats[count:], ints[count:] = np.nan, 0
        self.floats, self.ints, self._state = floats, ints, None
        self._moved = moved

    def _grow(self, slots: int) -> None:
        size = max(slots, 2 * len(self.ints), _FIRST_SLOTS)
        floats = np.full((size, self.floats.shape[1]), np.nan)
        ints = np.zeros((size, self.ints.shape[1]), dtype=np.int64)
        floats[: len(self.floats)] = self.floats
        ints[: len(self.ints)] = self.ints
        self._lie(floats, ints)

    def _lie(self, floats: NDArray[Any], ints: NDArray[Any]) -> None:
        self.floats, self.ints, self._state = floats, ints, None
        if self._moved is not None:
            self._moved()
            self._moved = None


def _flat(array: NDArray[Any]) -> memoryview:
    return memoryview(array.reshape(-1).data)
