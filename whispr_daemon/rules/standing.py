"""Rules at work with all that has state: how it is saved and re-armed."""

from collections.abc import Iterator
from typing import NamedTuple

from whispr_daemon.rules.board import Board
from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.saved import Saved, restore_table, save_table
from whispr_daemon.rules.columns.slots import Slots
from whispr_daemon.rules.columns.splits import Splits
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.source import StateBlock


class Standing(NamedTuple):
    """Rules, their columns, what they hear of each other, and the instruments."""

    running: list[Running]
    bank: Bank
    board: Board
    slots: Slots

    # ------------------------------------------------------------------ state
    def save(self, splits: Splits) -> Saved:
        """Return all state, with the splits that are known."""
        symbols = self.slots.symbols
        count = len(symbols)
        return Saved(
            symbols=list(symbols),
            shared={key: save_table(table, count) for key, table in self.bank.tables()},
            clauses={key: save_table(table, count, block) for key, table, block in self._clauses()},
            board=self.board.save(count),
            alone={key: save_table(table, 1) for key, table in self._alone()},
            splits=splits.known(),
        )

    def take_back(self, saved: Saved) -> None:
        """Make all state what was saved; what it does not know starts cold."""
        slots = [self.slots.slot(symbol) for symbol in saved.symbols]
        for key, table in self.bank.tables():
            table.clear()
            if key in saved.shared:
                restore_table(table, saved.shared[key], slots)
        for running in self.running:
            running.forget()
        for key, table, block in self._clauses():
            if key in saved.clauses:
                restore_table(table, saved.clauses[key], slots, block)
        self.board.restore(saved.board, slots)
        for key, table in self._alone():
            if key in saved.alone:
                restore_table(table, saved.alone[key], [0])

    def _clauses(self) -> Iterator[tuple[str, Table, StateBlock]]:
        for running in self.running:
            yield from running.states()

    def _alone(self) -> Iterator[tuple[str, Table]]:
        for running in self.running:
            yield from running.alone()

    # ------------------------------------------------------------------ splits
    def rearm(self, split: set[str]) -> None:
        """Let no rule fire on its next bar of these instruments, or that reads of them."""
        for running in self.running:
            refs = running.rule.inputs.refs.values()
            symbols = split if split.isdisjoint(refs) else self.slots.symbols
            for turn in running.turns:
                desk = self.bank.desk(turn.clock)
                first = {
                    slot: desk.seen(slot) + (not desk.on_ticks)
                    for slot in map(self.slots.known, symbols)
                    if slot >= 0
                }
                running.rearm(turn, first)
