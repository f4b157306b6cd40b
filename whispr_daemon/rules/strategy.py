"""The rules engine as a strategy: batches in, signals and alerts out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.column import BARS
from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.frames import Clock, Framer
from whispr_daemon.rules.columns.saved import Saved, decode, encode, join, restore_table, save_table
from whispr_daemon.rules.columns.sessions import calendar
from whispr_daemon.rules.columns.slots import Selection, Slots, picked, select
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.source import StateBlock
from whispr_daemon.rules.turn import Evaluated, Turn, View


class _Desk(NamedTuple):
    """What all rules of one clock share."""

    framer: Framer
    bank: Bank


class RulesStrategy:
    """All rules over one partition. ColumnarStrategy, Snapshotting and Warming."""

    name = "rules"

    def __init__(self, rules: Sequence[Rule], settings: RuleSettings | None = None) -> None:
        """Compile the enabled rules; all state is cold.

        Raises:
            SettingsError: the settings name a calendar that does not exist.
        """
        self._settings = settings or RuleSettings()
        for name in {self._settings.calendar, *self._settings.calendars.values()}:
            calendar(name)
        enabled = sorted(
            (rule for rule in rules if rule.enabled), key=lambda rule: (-rule.priority, rule.name)
        )
        self._board = Board(enabled)
        self._running = [Running(rule, self._settings, self._board) for rule in enabled]
        self._slots = Slots(lambda symbol: any(rule.wants(symbol) for rule in self._running))
        self._desks: dict[Clock, _Desk] = {}
        for running in self._running:
            for turn in running.turns:
                desk = self._desk(turn.clock)
                for node in running.reads(turn):
                    desk.bank.want(node)
        hashes = "".join(sorted(f"{rule.name}:{rule.hash}" for rule in enabled))
        self.version = sha256(hashes.encode()).hexdigest()[:12]

    def _desk(self, clock: Clock) -> _Desk:
        if clock not in self._desks:
            calendars = {**self._settings.calendars, "": self._settings.calendar}
            framer = Framer(clock, self._slots, calendars)
            self._desks[clock] = _Desk(framer, Bank(self._settings.pinned_levels))
        return self._desks[clock]

    # ------------------------------------------------------------------ the fold
    def on_batch(self, batch: Batch) -> Iterable[Output]:
        """Return the outputs by row, then (priority, name) of the rule, clause and action."""
        selection = select(batch, self._slots)
        if selection is None:
            return []
        views = {clock: self._view(desk, selection) for clock, desk in self._desks.items()}
        said: list[tuple[int, int, int, Evaluated, View]] = []
        for rank, running in enumerate(self._running):
            for turn in running.turns:
                view = views[turn.clock]
                if view is None:
                    continue
                for order, found in enumerate(running.run(turn, view)):
                    said.append((view.at[found.row], rank, order, found, view))
        said.sort(key=lambda entry: entry[:3])
        return [
            output
            for _, rank, _, found, view in said
            for output in self._running[rank].say(found, view)
        ]

    def _view(self, desk: _Desk, selection: Selection) -> View | None:
        frame = desk.framer.frame(selection)
        if frame is None:
            return None
        symbols = self._slots.symbols
        values = desk.bank.values(frame, symbols)
        slot, at, ts = (
            picked(column, frame.evaluated).tolist()
            for column in (frame.slot, frame.at, frame.rows["ts"])
        )
        return View(slot, at, ts, values, symbols)

    # ------------------------------------------------------------------ warm-up
    def warmup(self) -> Mapping[str, str]:
        """Return what each rule still waits for: ``{"rule SPY": "warming 120/201 daily bars"}``."""
        words: dict[str, str] = {}
        for running in self._running:
            named = [symbol for symbol in running.symbols if symbol != "*"]
            seen = [symbol for symbol in self._slots.symbols if running.wants(symbol)]
            for symbol in dict.fromkeys((*named, *seen)):
                for turn in running.turns:
                    missing = self._missing(running, turn, symbol)
                    if missing:
                        words[f"{running.rule.name} {symbol}"] = missing
        return words

    def _missing(self, running: Running, turn: Turn, symbol: str) -> str:
        desk = self._desks[turn.clock]
        slot = self._slots.known(symbol)
        worst, words = 0, ""
        for need, least in running.lacking(turn):
            seen = desk.framer.seen(slot) if need.column == BARS else None
            count = desk.bank.count(need.column, slot, symbol) if seen is None else seen
            if least - count > worst:
                worst, words = least - count, f"warming {count}/{least} {need.unit}"
        return words

    # ------------------------------------------------------------------ snapshots
    def snapshot(self) -> bytes:
        """Return all state, exact to the bit. Indicators are kept once for all rules."""
        symbols = self._slots.symbols
        count = len(symbols)
        shared = {key: save_table(table, count) for key, table in self._shared_tables()}
        clauses = {
            key: save_table(table, count, block) for key, table, block in self._clause_tables()
        }
        alone = {key: save_table(table, 1) for key, table in self._alone_tables()}
        return encode(
            Saved(
                symbols=list(symbols),
                shared=shared,
                clauses=clauses,
                board=self._board.save(count),
                alone=alone,
            )
        )

    def restore(self, body: bytes) -> None:
        """Take a snapshot back. Clauses and indicators it does not know start cold.

        Raises:
            StrategyFailed: it is not a snapshot of rules.
        """
        saved = decode(body)
        self._slots.clear()
        slots = [self._slots.slot(symbol) for symbol in saved.symbols]
        for key, table in self._shared_tables():
            table.clear()
            if key in saved.shared:
                restore_table(table, saved.shared[key], slots)
        for running in self._running:
            running.forget()
        for key, table, block in self._clause_tables():
            if key in saved.clauses:
                restore_table(table, saved.clauses[key], slots, block)
        self._board.restore(saved.board, slots)
        for key, table in self._alone_tables():
            if key in saved.alone:
                restore_table(table, saved.alone[key], [0])

    def _shared_tables(self) -> Iterator[tuple[str, Table]]:
        for clock, desk in self._desks.items():
            yield join(*clock, "clock"), desk.framer.table
            for key, table in desk.bank.tables.items():
                yield join(*clock, key), table

    def _clause_tables(self) -> Iterator[tuple[str, Table, StateBlock]]:
        for running in self._running:
            yield from running.states()

    def _alone_tables(self) -> Iterator[tuple[str, Table]]:
        for running in self._running:
            yield from running.alone()
