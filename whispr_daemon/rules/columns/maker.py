"""What makes columns: one thing that a desk's rules, or other columns, read."""

from abc import ABC, abstractmethod

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

    @abstractmethod
    def fill(self) -> None:
        """Fill the columns of the present batch."""
