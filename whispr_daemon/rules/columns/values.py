"""The columns of a batch: lists for functions as they are written, arrays for compiled ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.column import Column, is_whole

Given: TypeAlias = list[Any] | NDArray[Any]


class Values:
    """Columns by name, each one value a row. What is given in one form is had in the other, too."""

    __slots__ = ("_arrays", "_flat", "_later", "_lists")

    def __init__(self) -> None:
        """Start with no columns."""
        self._lists: dict[Column, list[Any]] = {}
        self._arrays: dict[Column, NDArray[Any]] = {}
        self._flat: dict[Column, NDArray[Any]] = {}  # of these those that kernels take
        self._later: Mapping[Column, Callable[[], NDArray[Any]]] = {}

    def __setitem__(self, column: Column, values: Given) -> None:
        """Take a column; it stays as it is from now on."""
        self._flat.pop(column, None)
        if isinstance(values, list):
            self._lists[column] = values
            self._arrays.pop(column, None)
        else:
            self._arrays[column] = values
            self._lists.pop(column, None)

    def later(self, columns: Mapping[Column, Callable[[], NDArray[Any]]]) -> None:
        """Make some columns when somebody asks for them, unless they are given before."""
        self._later = columns

    def __contains__(self, column: object) -> bool:
        """Is there such a column?"""
        return any(column in known for known in (self._lists, self._arrays, self._later))

    def _given(self, column: Column) -> NDArray[Any]:
        """Return a column that is not a list yet."""
        found = self._arrays.get(column)
        if found is None:
            found = self._arrays[column] = self._later[column]()
        return found

    def __getitem__(self, column: Column) -> list[Any]:
        """Return a column as Python numbers."""
        found = self._lists.get(column)
        if found is None:
            found = self._lists[column] = self._given(column).tolist()
        return found

    def keep_lists(self, columns: Sequence[Column]) -> None:
        """Have some columns as lists from now on, in which a row is quicker to look up."""
        for column in columns:
            self._lists.setdefault(column, self[column])

    def at(self, column: Column, rows: list[int]) -> list[Any]:
        """Return some rows of a column as Python numbers."""
        found = self._lists.get(column)
        if found is not None:
            return [found[row] for row in rows]
        some: list[Any] = self._given(column)[rows].tolist()
        return some

    def array(self, column: Column) -> NDArray[Any]:
        """Return a column as a flat array, int64 or float64 as :func:`is_whole` says."""
        found = self._flat.get(column)
        if found is None:
            wanted = np.int64 if is_whole(column) else np.float64
            if column in self._lists and column not in self._arrays:
                found = np.array(self._lists[column], dtype=wanted)
            else:
                found = self._given(column)
                if found.dtype != wanted or not found.flags.carray:
                    found = np.array(found, dtype=wanted)
            self._flat[column] = self._arrays[column] = found
        return found

    def arrays(self, columns: Sequence[Column]) -> tuple[NDArray[Any], ...]:
        """Return some columns as flat arrays."""
        flat = self._flat
        return tuple([flat[one] if one in flat else self.array(one) for one in columns])
