"""What makes columns: one thing that a desk's rules, or other columns, read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.column import Column
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.table import Table

NOTHING: Final = Table(0, 1)  # of who has no state


class Maker(ABC):
    """Fills columns of one desk, once a batch, after the makers of all that they read.

    Attributes:
        table: its state, a row a slot; None if it has none.
    """

    table: Table | None = None

    def __init__(self, desk: Desk, key: str) -> None:
        """``key`` names what it makes, and its state."""
        self.desk = desk
        self.key = key

    @property
    def reads(self) -> Iterator[tuple[Desk, Column]]:
        """The columns it is made of, beyond what its frame says of rows."""
        return iter(())

    def counts(self, column: Column, slots: int) -> NDArray[np.int64]:
        """Return how far a count of it is for each slot, then for an instrument not seen so far."""
        del column  # most count one thing
        return NOTHING.counts(0, slots) if self.table is None else self.table.counts(0, slots)

    @abstractmethod
    def fill(self) -> None:
        """Fill the columns of the present batch."""
