"""What a strategy of rules has no history of, or only one in terms that hold no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.corrections import Corrections
from whispr_daemon.rules.columns.saved import clear_rows, copy_rows
from whispr_daemon.rules.columns.slots import Slots
from whispr_daemon.rules.columns.splits import Splits
from whispr_daemon.rules.columns.table import Table


class Learned(NamedTuple):
    """What one knows that has folded the log."""

    symbols: Sequence[str]  # whose each row of the tables is
    tables: Mapping[str, Table]  # state by key
    splits: Splits
    corrections: Corrections


@dataclass(slots=True)
class Lacking:
    """What is to be learned from the log."""

    keys: set[str] = field(default_factory=set)  # state of all instruments
    strangers: set[str] = field(default_factory=set)  # instruments of which nothing is known
    split: set[str] = field(default_factory=set)  # instruments that trade in other terms

    def __bool__(self) -> bool:
        """Is there anything?"""
        return bool(self.keys or self.strangers or self.split)

    def of_all(self, bank: Bank) -> set[str]:
        """Return the keys of state that is to be learned of all instruments."""
        return self.keys | bank.made_of(self.split)

    def fill(self, bank: Bank, slots: Slots, learned: Learned) -> None:
        """Put what was learned where it is lacking, and nowhere else."""
        of_all, anew = self.of_all(bank), self.strangers | self.split
        into = [slots.slot(symbol) for symbol in learned.symbols]
        theirs = [at for at, symbol in enumerate(learned.symbols) if symbol in anew]
        old = [slot for slot in map(slots.known, anew) if slot >= 0]
        for key, table in bank.tables():
            if key in of_all:
                table.clear()
            else:
                clear_rows(table, old)
            rows = range(len(into)) if key in of_all else theirs
            copy_rows(learned.tables[key], table, rows, into)
