"""Columns of one clock side by side in memory, by number: what a kernel over many rules reads."""

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.column import Column, is_whole
from whispr_daemon.rules.evaluated import View


class Sheet:
    """Columns that are numbered once and copied together for every batch.

    Attributes:
        floats: all columns of floats, flat, each as long as there are rows.
        ints: the same of integers.
    """

    def __init__(self) -> None:
        """Start with no columns."""
        self.floats: NDArray[np.float64] = np.empty(0)
        self.ints: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._broken: dict[Column, int] = {}
        self._whole: dict[Column, int] = {}
        self._of: View | None = None

    def number(self, column: Column) -> int:
        """Return the number of a column among those of its type; say so before it is filled."""
        of = self._whole if is_whole(column) else self._broken
        return of.setdefault(column, len(of))

    def fill(self, view: View) -> None:
        """Copy the columns of a view; a second time does nothing."""
        if self._of is view:
            return
        self._of, rows, values = view, view.rows, view.values
        if len(self.floats) < len(self._broken) * rows or len(self.ints) < len(self._whole) * rows:
            self.floats = np.empty(len(self._broken) * rows)
            self.ints = np.empty(len(self._whole) * rows, dtype=np.int64)
        if rows == 1:  # from one list at once, not from an array each
            self.floats[: len(self._broken)] = [values[column][0] for column in self._broken]
            self.ints[: len(self._whole)] = [values[column][0] for column in self._whole]
            return
        for column, number in self._broken.items():
            self.floats[number * rows : (number + 1) * rows] = values.array(column)
        for column, number in self._whole.items():
            self.ints[number * rows : (number + 1) * rows] = values.array(column)

    def forget(self) -> None:
        """Let go of the view."""
        self._of = None
