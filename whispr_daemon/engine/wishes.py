"""Which rows of a partition a strategy gets: those of the instruments it wishes."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import NO_INSTRUMENT, Rows, chosen
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
        self._granted = np.zeros(0, dtype=bool)  # by instrument code

    def of(self, rows: Rows, symbols: Sequence[str]) -> Rows:
        """Return the rows that are wished, shape (n,)."""
        if not self.only and (self._foreign or self._partitions == 1):
            return rows
        granted = self._granted
        if len(granted) < len(symbols):
            new = [self._grants(name) for name in symbols[len(granted) :]]
            granted = self._granted = np.append(granted, np.array(new, dtype=bool))
        clock = rows["instrument"] == NO_INSTRUMENT
        codes = np.where(clock, 0, rows["instrument"])
        wished: NDArray[np.bool_] = clock | (granted[codes] if len(granted) else False)
        return chosen(rows, wished)

    def _grants(self, name: str) -> bool:
        if self.only and name not in self.only:
            return False
        return self._foreign or partition_of(name, self._partitions) == self._partition
