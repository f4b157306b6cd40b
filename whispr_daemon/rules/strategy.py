"""The rules engine as a strategy: batches in, signals and alerts out."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Final

import msgspec
import numpy as np

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Alert, Audit, Draft, Output
from whispr_daemon.ports.strategy import Changing
from whispr_daemon.rules.at_rest import collector_at_rest
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.change import decode as decode_change
from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.corrections import Corrected, Corrections, corrected
from whispr_daemon.rules.columns.saved import decode, encode
from whispr_daemon.rules.columns.slots import Slots, select
from whispr_daemon.rules.columns.splits import Factors, Splits
from whispr_daemon.rules.evaluated import Evaluated
from whispr_daemon.rules.fires import Fires
from whispr_daemon.rules.found import Place, Verdicts
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.lacking import Lacking, Learned
from whispr_daemon.rules.load import load
from whispr_daemon.rules.order import in_order
from whispr_daemon.rules.rounds import Rounds
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.standing import Standing
from whispr_daemon.rules.wants import Wants
from whispr_daemon.rules.warmup import WarmUp

_AT_ONCE: Final = 8_192  # rows: their columns stay in the processor's cache
REVISION: Final = 3  # of the language: what rules mean, and so what their state is


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
        self._only: frozenset[str] | None = None  # instruments it learns of; None: all
        self._splits = Splits()
        self._corrections, self._met = Corrections(), Corrections()  # met: by one that only learns
        self._fires = Fires()
        self._notes: list[Output] = []  # on fires at bars that were corrected
        self._lacks = Lacking()
        self._slots = Slots(self._wants)
        self._become(rules)
        hashes = "".join(sorted(f"{one.rule.name}:{one.rule.hash}" for one in self._running))
        self.version = sha256(f"{REVISION}:{hashes}".encode()).hexdigest()[:12]

    @collector_at_rest()
    def _become(self, rules: Sequence[Rule]) -> None:
        enabled = in_order(rule for rule in rules if rule.enabled)
        self._board = Board(enabled)
        self._symbols = Wants(self._settings.home)
        self._running = [
            Running(rule, self._settings, self._board, self._compiler, self._symbols)
            for rule in enabled
        ]
        self._refs = {symbol for rule in enabled for symbol in rule.inputs.refs.values()}
        self._bank = Bank(self._slots, self._settings, self._compiler)
        for running in self._running:
            for turn in running.turns:
                for column in turn.program.columns:
                    self._bank.ask(turn.clock, column)
                for node in running.reads(turn):
                    self._bank.want(turn.clock, node)
        self._standing = Standing(self._running, self._bank, self._board, self._slots)
        self._rounds = Rounds(self._running, self._bank, self._board)
        self._warmup = WarmUp(self._running, self._bank, self._slots)

    def _wants(self, symbol: str) -> bool:
        if self._only is not None and symbol not in self._only:
            return False
        return symbol in self._refs or self._symbols.has(symbol)

    # ------------------------------------------------------------------ the fold
    def on_batch(self, batch: Batch) -> Iterable[Output]:
        """Return the outputs by row, then (priority, name) of the rule, clause and action.

        After a split that is new it has something to learn: see :meth:`unlearned`.
        """
        said: list[Output] = []
        for found in self.verdicts(batch):
            notes, self._notes = self._notes, []
            said += notes
            said += self._said(found)
        return said

    def drafts(self, batch: Batch) -> Iterable[Output | Draft]:
        """Return what :meth:`on_batch` does, most of it written down already."""
        said: list[Output | Draft] = []
        for found in self.verdicts(batch):
            notes, self._notes = self._notes, []
            said += notes
            drafted = found.drafted()
            if drafted is None:
                said += self._said(found)
            else:
                self._fires.note_drafted(drafted)
                said += (each for one in drafted for each in one.said)
        return said

    def verdicts(self, batch: Batch) -> Iterator[Verdicts]:
        """Fold a batch like :meth:`on_batch` and say nothing: yield what came of it, in parts.

        It is for who wants no outputs. Take one part before the next: each is of the columns that
        are filled then.
        """
        for begin in range(0, len(batch), _AT_ONCE):
            rows = batch.rows[begin : begin + _AT_ONCE]
            for part in self._cut(Batch(rows, batch.symbols)):
                yield self._folded(part)

    def _cut(self, batch: Batch) -> Iterator[Batch]:
        """Yield the rows between splits and corrections as they are known then; take these in."""
        rows, begin = batch.rows, 0
        split = rows["kind"] == Kind.SPLIT
        for place in np.flatnonzero(split | (rows["kind"] == Kind.CORRECTION)).tolist():
            yield self._present(Batch(rows[begin:place], batch.symbols))
            symbol = batch.symbols[rows["instrument"][place]]
            if split[place]:
                self._split(rows[place], symbol)
            else:
                self._correct(corrected(rows[place]), symbol)
            begin = place + 1
        yield self._present(batch if begin == 0 else Batch(rows[begin:], batch.symbols))

    def _present(self, batch: Batch) -> Batch:
        """Return rows in the terms that hold now; of the past as they were corrected since."""
        return self._splits.rescaled(self._corrections.applied(batch) if self._silent else batch)

    def _correct(self, bar: Corrected, symbol: str) -> None:
        if self._silent:
            self._met.add(symbol, bar)
            return
        was = self._corrections.was(symbol, bar.timeframe, bar.ts)
        if self._corrections.add(symbol, bar):
            rules = [one.rule for one in self._running]
            self._notes += self._fires.concerned(rules, symbol, bar, was)

    def _split(self, row: np.void, symbol: str) -> None:
        factors = Factors(int(row["ts"]), float(row["open"]), float(row["volume"]))
        if self._splits.add(symbol, factors) and self._slots.known(symbol) >= 0:
            self._lacks.split.add(symbol)

    def _folded(self, batch: Batch) -> Verdicts:
        """Return what comes of rules over rows; nothing where they are silent."""
        selection = select(batch, self._slots)
        if selection is None:
            return Verdicts()
        self._bank.take(selection)
        if self._silent:
            self._bank.fill()
            return Verdicts()
        kernels = self._rounds.kernels()
        self._bank.fill({maker for fused in kernels for maker in fused.makers})
        found = self._rounds.run(self._slots.symbols, kernels=kernels)
        found.faults += self._faults()
        return found

    def _said(self, verdicts: Verdicts) -> list[Output]:
        running = self._running
        if verdicts.faults:  # before what rules make of them
            spoken = [
                (place, output)
                for place, found, view in verdicts
                for output in running[place.rank].say(found, view)
            ]
            outputs = [one for _, one in sorted([*verdicts.faults, *spoken], key=itemgetter(0))]
        else:
            outputs = [
                output
                for place, found, view in verdicts
                for output in running[place.rank].say(found, view)
            ]
        self._fires.note(outputs)
        return outputs

    def traced(self, batch: Batch, name: str) -> list[tuple[str, Evaluated]]:
        """Fold a batch in silence; return the verdicts on every clause of one rule, row by row.

        Each with its instrument, in the order of the rows.
        """
        traced: list[tuple[str, Evaluated]] = []
        for part in self._cut(batch):
            self._notes.clear()
            selection = select(part, self._slots)
            if selection is None:
                continue
            self._bank.take(selection)
            self._bank.fill()
            traced += (
                (view.symbols[found.slot], found)
                for place, found, view in self._rounds.run(self._slots.symbols, name)
                if self._running[place.rank].rule.name == name
            )
        return traced

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
        before, refs = {key for key, _ in self._bank.tables()}, self._refs
        known, seen = set(self._slots.symbols), self._slots.asked()
        saved = self._standing.save(self._splits)
        self._become(loaded.rules)
        self._slots.reconsider()
        self._standing.take_back(saved)
        self._lacks.keys = {key for key, _ in self._bank.tables()} - before
        referred = {name for name in self._refs - refs if not self._settings.home(name)}
        self._lacks.strangers = {name for name in seen if self._wants(name)} - known | referred
        if self._settings.partition:
            return []
        return [
            Alert(message=message, severity="error", ts_event=ts_event, origin=self.name)
            for message in change.refused
        ]

    @property
    def splits(self) -> Splits:
        """The splits of all instruments that came so far."""
        return self._splits

    def refers(self) -> Collection[str]:
        """Return the symbols that rules read beside their own."""
        return self._refs

    def unlearned(self) -> "RulesStrategy | None":
        """Return one with the same columns and no rules that speak; None if nothing is new.

        It knows all splits and corrections: it is folded in the terms that hold now.
        """
        lacks = self._lacks
        news = self._corrections.learn(self._met)
        if not (lacks or news):
            return None
        rules = [one.rule for one in self._running]
        fresh = RulesStrategy(rules, self._settings, self._compiler)
        fresh._silent = True
        fresh._splits = Splits(self._splits.known())
        fresh._corrections = Corrections(self._corrections.known())
        fresh._only = self._only
        if not (self._silent or lacks.of_all(self._bank)):
            fresh._only = frozenset(lacks.strangers | lacks.split | self._refs)
        return fresh

    def learns(self) -> Collection[str]:
        """Return the instruments it learns of, where it is one of :meth:`unlearned`; empty: all."""
        return self._only or ()

    def learn(self, other: Changing) -> None:
        """Take the state of what is new, or in other terms, from one that has folded the log."""
        assert isinstance(other, RulesStrategy)  # noqa: S101 (it is one of ``unlearned``)
        learned = other.learned()
        self._lacks.fill(self._bank, self._slots, learned)
        self._splits = learned.splits
        self._corrections = learned.corrections
        self._standing.rearm(self._lacks.split)
        self._lacks = Lacking()

    def learned(self) -> Learned:
        """Return the state of all columns, and the splits and corrections that are known."""
        tables = dict(self._bank.tables())
        return Learned(self._slots.symbols, tables, self._splits, self._corrections)

    # ------------------------------------------------------------------ warm-up
    def warmup(self) -> Mapping[str, str]:
        """Return what each rule still waits for: ``{"rule SPY": "warming 120/201 daily bars"}``."""
        return self._warmup.told()

    # ------------------------------------------------------------------ snapshots
    def snapshot(self) -> bytes:
        """Return all state, exact to the bit. Indicators are kept once for all rules."""
        saved = self._standing.save(self._splits)
        corrections, fires = self._corrections.known(), self._fires.known()
        return encode(msgspec.structs.replace(saved, corrections=corrections, fires=fires))

    def restore(self, body: bytes) -> None:
        """Take a snapshot back. Clauses and indicators it does not know start cold.

        Raises:
            StrategyFailed: it is not a snapshot of rules.
        """
        saved = decode(body)
        self._slots.clear()
        self._splits = Splits(saved.splits)
        self._corrections = Corrections(saved.corrections)
        self._fires = Fires(saved.fires)
        self._standing.take_back(saved)
        self._lacks = Lacking()
