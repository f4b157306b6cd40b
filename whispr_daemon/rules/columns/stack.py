"""The state of many tables one behind the other in memory, so that one kernel reaches all of it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.columns.table import Table

_FIRST_SLOTS: Final = 8


class Stack:
    """Tables that are reached together. Each may be read, written, grown and cleared by itself.

    Attributes:
        floats: of all tables, flat.
        ints: the same.
        places: where in ``floats`` and ``ints`` each table begins, shape (tables, 2).
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        """Take the tables; they stay where they are until they are gathered."""
        self.floats: NDArray[np.float64] = np.empty(0)
        self.ints: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._tables = tables
        self._slots = 0
        self._scattered = True
        widths = [(table.floats.shape[1], table.ints.shape[1]) for table in tables]
        self._widths = np.array(widths, dtype=np.int64).reshape(-1, 2)
        self._ends = self._widths.cumsum(axis=0)  # in a single slot's state of all

    @property
    def places(self) -> NDArray[np.int64]:
        """Return where each table begins, in floats and in ints."""
        places: NDArray[np.int64] = (self._ends - self._widths) * self._slots
        return places

    def gather(self, slots: int) -> bool:
        """Let the tables lie together with room for ``slots`` slots; return if they moved."""
        if slots <= self._slots and not self._scattered:
            return False
        if slots > self._slots:
            self._slots = max(slots, 2 * self._slots, _FIRST_SLOTS)
        self._slots = max(self._slots, *(len(table.ints) for table in self._tables))
        total = self._ends[-1] * self._slots
        self.floats, self.ints = np.empty(total[0]), np.empty(total[1], dtype=np.int64)
        begin = self.places
        end = begin + self._widths * self._slots
        for table, first, last in zip(self._tables, begin.tolist(), end.tolist(), strict=True):
            floats = self.floats[first[0] : last[0]].reshape(self._slots, -1)
            ints = self.ints[first[1] : last[1]].reshape(self._slots, -1)
            table.lie_in(floats, ints, self._scatter)
        self._scattered = False
        return True

    def _scatter(self) -> None:
        self._scattered = True
