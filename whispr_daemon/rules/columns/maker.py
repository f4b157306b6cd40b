"""What makes columns: one thing that a desk's rules, or other columns, read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from whispr_daemon.rules.column import Column
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.table import Table


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

    @abstractmethod
    def fill(self) -> None:
        """Fill the columns of the present batch."""
