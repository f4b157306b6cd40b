"""The rules engine as a strategy: batches in, signals and alerts out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Final

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.outputs import Alert, Audit, Output
from whispr_daemon.ports.strategy import Changing
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.change import decode as decode_change
from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.saved import (
    Saved,
    copy_rows,
    decode,
    encode,
    restore_table,
    save_table,
)
from whispr_daemon.rules.columns.sessions import calendar
from whispr_daemon.rules.columns.slots import Slots, select
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.found import Place
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.load import load
from whispr_daemon.rules.order import in_order
from whispr_daemon.rules.rounds import Rounds
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.source import StateBlock
from whispr_daemon.rules.turn import Evaluated

REVISION: Final = 2  # of the language: what rules mean, and so what their state is


class RulesStrategy:
    """All rules over one partition. ColumnarStrategy, Snapshotting, Changing and Warming."""

    name = "rules"

    def __init__(
        self,
        rules: Sequence[Rule],
        settings: RuleSettings | None = None,
        compiler: Compiler = UNCOMPILED,
    ) -> None:
        """Compile the enabled rules; all state is cold.

        Raises:
            SettingsError: the settings name a calendar that does not exist.
        """
        self._settings = settings or RuleSettings()
        self._compiler = compiler
        for name in {self._settings.calendar, *self._settings.calendars.values()}:
            calendar(name)
        self._silent = False  # it only learns: rules say nothing
        self._new: set[str] = set()  # state that has no history since the last change
        self._strangers: set[str] = set()  # instruments that have none
        self._slots = Slots(self._wants)
        self._become(rules)
        hashes = "".join(sorted(f"{one.rule.name}:{one.rule.hash}" for one in self._running))
        self.version = sha256(f"{REVISION}:{hashes}".encode()).hexdigest()[:12]

    def _become(self, rules: Sequence[Rule]) -> None:
        enabled = in_order(rule for rule in rules if rule.enabled)
        self._board = Board(enabled)
        self._running = [
            Running(rule, self._settings, self._board, self._compiler) for rule in enabled
        ]
        self._refs = {symbol for rule in enabled for symbol in rule.inputs.refs.values()}
        self._bank = Bank(self._slots, self._settings, self._compiler)
        for running in self._running:
            for turn in running.turns:
                for column in turn.program.columns:
                    self._bank.ask(turn.clock, column)
                for node in running.reads(turn):
                    self._bank.want(turn.clock, node)
        self._rounds = Rounds(self._running, self._bank, self._board)

    def _wants(self, symbol: str) -> bool:
        return symbol in self._refs or any(one.wants(symbol) for one in self._running)

    # ------------------------------------------------------------------ the fold
    def on_batch(self, batch: Batch) -> Iterable[Output]:
        """Return the outputs by row, then (priority, name) of the rule, clause and action."""
        selection = select(batch, self._slots)
        if selection is None:
            return []
        self._bank.take(selection)
        if self._silent:
            return []
        spoken = [
            (place, output)
            for place, found, view in self._rounds.run(self._slots.symbols)
            for output in self._running[place.rank].say(found, view)
        ]
        faults = list(self._faults())  # of plug-ins, before what rules make of them
        if faults:
            spoken = sorted([*faults, *spoken], key=itemgetter(0))
        return [output for _, output in spoken]

    def traced(self, batch: Batch, name: str) -> list[tuple[str, Evaluated]]:
        """Fold a batch in silence; return the verdicts on every clause of one rule, row by row.

        Each with its instrument, in the order of the rows.
        """
        selection = select(batch, self._slots)
        if selection is None:
            return []
        self._bank.take(selection)
        return [
            (view.symbols[found.slot], found)
            for place, found, view in self._rounds.run(self._slots.symbols, name)
            if self._running[place.rank].rule.name == name
        ]

    def _faults(self) -> Iterator[tuple[Place, Output]]:
        for desk in self._bank.desks.values():
            for row, text in desk.faults:
                symbol, ts = self._slots.symbols[desk.slot[row]], desk.ts[row]
                message = f"{text}, which is na"
                yield (
                    Place(desk.order[row], ts, desk.slot[row], -1, 0),
                    Audit(
                        name="error",
                        message=message,
                        instrument=symbol,
                        ts_event=ts,
                        origin=self.name,
                        version=self.version,
                    ),
                )

    # ------------------------------------------------------------------ changes
    def change(self, number: int, body: bytes, ts_event: int) -> Iterable[Output]:
        """Become what a :class:`RuleChange` says; state lives on where its key is the same.

        Raises:
            StrategyFailed: it is no change of rules, or holds a file that does not load.
        """
        change = decode_change(body)
        loaded = load(change.files, universes=self._settings.universes)
        if loaded.errors:
            found = "; ".join(str(error) for error in loaded.errors)
            raise StrategyFailed(f"change {number} of the rules does not load: {found}")
        before = {key for key, _ in self._bank.tables()}
        known, seen = set(self._slots.symbols), self._slots.asked()
        saved = self._saved()
        self._become(loaded.rules)
        self._slots.reconsider()
        self._take_back(saved)
        self._new = {key for key, _ in self._bank.tables()} - before
        self._strangers = {name for name in seen if self._wants(name)} - known
        if self._settings.partition:
            return []
        return [
            Alert(message=message, severity="error", ts_event=ts_event, origin=self.name)
            for message in change.refused
        ]

    def unlearned(self) -> "RulesStrategy | None":
        """Return one with the same columns and no rules that speak; None if nothing is new."""
        if not (self._new or self._strangers):
            return None
        rules = [one.rule for one in self._running]
        fresh = RulesStrategy(rules, self._settings, self._compiler)
        fresh._silent = True
        return fresh

    def learn(self, other: Changing) -> None:
        """Take the state of what is new from one that has folded the log."""
        assert isinstance(other, RulesStrategy)  # noqa: S101 (it is one of ``unlearned``)
        symbols, learned = other.learned()
        slots = [self._slots.slot(symbol) for symbol in symbols]
        strange = [at for at, symbol in enumerate(symbols) if symbol in self._strangers]
        for key, table in self._bank.tables():
            rows = range(len(symbols)) if key in self._new else strange
            copy_rows(learned[key], table, rows, slots)
        self._new, self._strangers = set(), set()

    def learned(self) -> tuple[list[str], dict[str, Table]]:
        """Return the state of all columns by key, and whose each of its rows is."""
        return self._slots.symbols, dict(self._bank.tables())

    # ------------------------------------------------------------------ warm-up
    def warmup(self) -> Mapping[str, str]:
        """Return what each rule still waits for: ``{"rule SPY": "warming 120/201 daily bars"}``."""
        words: dict[str, str] = {}
        for running in self._running:
            named = [symbol for symbol in running.symbols if symbol != "*"]
            seen = [symbol for symbol in self._slots.symbols if running.wants(symbol)]
            for symbol in dict.fromkeys((*named, *seen)):
                missing = self._missing(running, symbol)
                if missing:
                    words[f"{running.rule.name} {symbol}"] = missing
        return words

    def _missing(self, running: Running, symbol: str) -> str:
        """Say of all that a rule waits for what is farthest away."""
        worst, words = 0, ""
        for turn in running.turns:
            for need, least in running.lacking(turn):
                count = self._bank.count(turn.clock, need.column, symbol)
                if least - count > worst:
                    worst, words = least - count, f"warming {count}/{least} {need.unit}"
        return words

    # ------------------------------------------------------------------ snapshots
    def snapshot(self) -> bytes:
        """Return all state, exact to the bit. Indicators are kept once for all rules."""
        return encode(self._saved())

    def _saved(self) -> Saved:
        symbols = self._slots.symbols
        count = len(symbols)
        return Saved(
            symbols=list(symbols),
            shared={key: save_table(table, count) for key, table in self._bank.tables()},
            clauses={
                key: save_table(table, count, block) for key, table, block in self._clause_tables()
            },
            board=self._board.save(count),
            alone={key: save_table(table, 1) for key, table in self._alone_tables()},
        )

    def restore(self, body: bytes) -> None:
        """Take a snapshot back. Clauses and indicators it does not know start cold.

        Raises:
            StrategyFailed: it is not a snapshot of rules.
        """
        saved = decode(body)
        self._slots.clear()
        self._take_back(saved)
        self._new, self._strangers = set(), set()

    def _take_back(self, saved: Saved) -> None:
        slots = [self._slots.slot(symbol) for symbol in saved.symbols]
        for key, table in self._bank.tables():
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

    def _clause_tables(self) -> Iterator[tuple[str, Table, StateBlock]]:
        for running in self._running:
            yield from running.states()

    def _alone_tables(self) -> Iterator[tuple[str, Table]]:
        for running in self._running:
            yield from running.alone()
