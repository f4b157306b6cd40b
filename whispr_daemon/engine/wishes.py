"""Which rows of a partition a strategy gets: those of the instruments it wishes."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows, chosen
from whispr_daemon.domain.partition import partition_of


class Wishes:
    """Wishes by instrument. Clock ticks are everybody's."""

    def __init__(
        self, only: Collection[str], partition: int, partitions: int, *, foreign: bool
    ) -> None:
        """``only`` names the instruments; empty means all.

        ``foreign``: also those that are at home in other partitions and are here to be referred to.
        """
        self.only = frozenset(only)
        self.key = (self.only, partition, partitions, foreign)  # who has the same gets the same
        self._partition, self._partitions = partition, partitions
        self._foreign = foreign
        self._granted = np.ones(1, dtype=bool)  # by instrument code; the last is of clock ticks

    def of(self, rows: Rows, symbols: Sequence[str]) -> Rows:
        """Return the rows that are wished, shape (n,)."""
        if not self.only and (self._foreign or self._partitions == 1):
            return rows
        granted = self._granted
        known = len(granted) - 1
        if known < len(symbols):
            new = [self._grants(name) for name in symbols[known:]]
            granted = self._granted = np.array([*granted[:-1], *new, True])
        # The code of a clock tick is above all others.
        wished: NDArray[np.bool_] = granted[np.minimum(rows["instrument"], len(granted) - 1)]
        return chosen(rows, wished)

    def _grants(self, name: str) -> bool:
        if self.only and name not in self.only:
            return False
        return self._foreign or partition_of(name, self._partitions) == self._partition
