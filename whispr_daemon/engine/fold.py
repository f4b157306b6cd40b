"""A strategy folded over log entries: outputs sealed, state snapshotted. Pure: no clock, no I/O."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output, Sealer, Written, chain
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.engine.asking import answers, hand_over, sealed_of_change
from whispr_daemon.engine.pages import Page, Pages
from whispr_daemon.engine.snapshots import (
    CODEC,
    FRESH,
    Memory,
    memory_in,
    read_state,
    state_of,
    write_state,
    writes_itself,
)
from whispr_daemon.engine.wishes import Wishes
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.store import Snapshot
from whispr_daemon.ports.strategy import Changing, ColumnarStrategy, Strategy

_NO_BODIES: Final[Mapping[int, bytes]] = MappingProxyType({})


class Step(NamedTuple):
    """Some rows of an entry, folded."""

    said: list[Written]
    end: int  # rows of the entry that are folded now
    turns: bool  # the last of them changed the strategy, or the terms it reckons in


class Fold:
    """One strategy and what must be remembered with it between two entries."""

    def __init__(
        self,
        strategy: Strategy | ColumnarStrategy,
        origin: str,
        code_version: str,
        only: Collection[str] = (),
        partition: int = 0,
        partitions: int = 1,
    ) -> None:
        """``only`` names the instruments the strategy wishes; empty means all of its partition.

        A strategy that is Changing also gets those that are in its partition as references: it
        knows which. The others would say of them in every partition what they say at home.
        """
        self._strategy = strategy
        self._partition, self._partitions = partition, partitions
        self._obeys = isinstance(strategy, Changing)
        self._writes = writes_itself(strategy)
        self._wishes = Wishes(only, partition, partitions, foreign=self._obeys)
        self._pages: Pages | None = None
        self._sealer = Sealer(origin, strategy.version, partition)
        self._marks: dict[str, int] = {}
        self.code_version = code_version
        self.position: Position = ORIGIN
        self.counted_from: Position = ORIGIN  # outputs up to here are none of this code's
        self.rows = 0  # rows of the partition up to the position
        self.out_seq = 0
        self.out_hash = ""
        self._begun = (0, "")  # out_seq and out_hash at counted_from
        self.changes = 0  # of the strategy, and splits, followed since it was built
        self._in_force = 0  # the number of the last of them, also of those before
        self._inherited = False

    @property
    def strategy(self) -> Strategy | ColumnarStrategy:
        """The strategy folded."""
        return self._strategy

    @property
    def state(self) -> msgspec.Struct | None:
        """The strategy's state, where it keeps all of it in one Struct."""
        return state_of(self._strategy)

    @property
    def snapshots(self) -> bool:
        """Whether the strategy's state can be written down at all."""
        return self._writes or self.state is not None

    @property
    def obeys(self) -> bool:
        """Whether it follows the changes in the log."""
        return self._obeys

    def share(self, pages: Pages) -> None:
        """Take entries from pages that other folds take them from, too."""
        self._pages = pages

    def pupil(self, fresh: Any) -> "Fold":
        """Return a fold of ``fresh`` that begins with the log and follows no changes."""
        only = fresh.learns() or self._wishes.only
        made = Fold(fresh, "", self.code_version, only, self._partition, self._partitions)
        made._obeys = False
        return made

    def take(
        self, entry: Entry, symbols: Sequence[str], bodies: Mapping[int, bytes] = _NO_BODIES
    ) -> list[Output]:
        """Fold one entry; return its outputs, sealed. ``symbols[code]`` names the instruments.

        An entry whose source was already taken in further is passed over. ``bodies`` are those of
        the entry's changes, by number, for a strategy that obeys them.

        Raises:
            StrategyFailed: the strategy raised, or said something without a name or a time.
        """
        return [one.output for step in self.steps(entry, symbols, bodies) for one in step.said]

    def steps(
        self, entry: Entry, symbols: Sequence[str], bodies: Mapping[int, bytes] = _NO_BODIES
    ) -> Iterator[Step]:
        """Fold one entry like :meth:`take`, but stop where the strategy may have to learn the log.

        That is after each change and each run of splits, of a strategy that obeys. The position is
        that of the entry when all steps are done.
        """
        if not self.repeats(entry):
            yield from self._answers(entry, symbols, bodies)
            self._marks.update(entry.marks)
        self.position = entry.position
        self.rows = max(self.rows, entry.offset)

    def repeats(self, entry: Entry) -> bool:
        """Whether the source of an entry was already taken in further."""
        mark = entry.marks.get(entry.source)
        return (
            bool(len(entry.rows)) and mark is not None and mark <= self._marks.get(entry.source, 0)
        )

    def count(self, outputs: Sequence[Output | Written]) -> None:
        """Add outputs to the unit's sequence and running hash."""
        self.out_seq += len(outputs)
        self.out_hash = chain(self.out_hash, *outputs)

    def begin_counting(self, out_seq: int, out_hash: str) -> None:
        """Let this code's outputs begin after the current position, as number ``out_seq + 1``."""
        self.counted_from = self.position
        self.out_seq, self.out_hash = out_seq, out_hash
        self._begun = (out_seq, out_hash)
        self._inherited = True

    def snapshot(self) -> Snapshot:
        """Return the state at the current position.

        Of a strategy whose state cannot be written, return where its outputs began; restored, it
        folds the log from its start.

        Raises:
            StrategyFailed: the strategy cannot write its state.
        """
        if not self.snapshots:
            return self._snapshot(self._begun, FRESH, msgspec.msgpack.encode(self.counted_from))
        memory = Memory(
            strategy=write_state(self._strategy),
            ordinals=self._sealer.snapshot(),
            marks=self._marks,
            rows=self.rows,
            change=self._in_force,
            inherited=self._inherited,
        )
        said = (self.out_seq, self.out_hash)
        return self._snapshot(said, CODEC, msgspec.msgpack.encode(memory))

    def _snapshot(self, said: tuple[int, str], codec: str, body: bytes) -> Snapshot:
        return Snapshot(
            position=self.position,
            out_seq=said[0],
            out_hash=said[1],
            code_version=self.code_version,
            codec=codec,
            body=body,
        )

    def change_in(self, snapshot: Snapshot) -> int:
        """Return the number of the change in force at a snapshot, 0 where there is none."""
        if not self._obeys or not self.snapshots or snapshot.codec != CODEC:
            return 0
        return memory_in(snapshot).change

    def inherited(self, snapshot: Snapshot) -> bool:
        """Say whether a snapshot's state goes back to other code: the log alone cannot give it."""
        if not self.snapshots or snapshot.codec != CODEC:
            return False  # it says where this code's outputs began, and is folded from the start
        return memory_in(snapshot).inherited

    def restore(self, snapshot: Snapshot, change: bytes = b"") -> None:
        """Take a snapshot back into a strategy built anew, made what it was by the ``change``.

        Raises:
            StrategyFailed: the strategy cannot read it.
        """
        self.out_seq, self.out_hash = self._begun = (snapshot.out_seq, snapshot.out_hash)
        if not self.snapshots and snapshot.codec == CODEC:
            return  # the code before this one wrote its state; this one needs the whole log
        if snapshot.codec == FRESH:
            self.counted_from = Position(*msgspec.msgpack.decode(snapshot.body))
            return
        if snapshot.codec != CODEC:
            raise StrategyFailed(f"its snapshot is written as {snapshot.codec!r}, not {CODEC!r}")
        memory = memory_in(snapshot)
        if self._obeys and memory.change:
            hand_over(self._strategy, memory.change, change, 0)
            self._in_force = memory.change
        read_state(self._strategy, memory.strategy)
        self._sealer.restore(memory.ordinals)
        self._marks = memory.marks
        self.rows = memory.rows
        self._inherited = memory.inherited
        self.position = self.counted_from = snapshot.position

    def _answers(
        self, entry: Entry, symbols: Sequence[str], bodies: Mapping[int, bytes]
    ) -> Iterator[Step]:
        rows, begin = entry.rows, 0
        page = Page(rows) if self._pages is None else self._pages.of(entry)
        if page.plain:
            said = self._said(entry, page.batch(self._wishes, symbols))
            yield Step(said, len(rows), turns=False)
            return
        change, split = (rows["kind"] == kind for kind in (Kind.CHANGE, Kind.SPLIT))
        split &= self._obeys & ~np.append(split[1:], [False])  # of a run the last
        for place in np.flatnonzero(change | split).tolist():
            end = place if change[place] else place + 1  # a batch never holds a change
            said = self._said(entry, self._wished(rows[begin:end], symbols))
            if self._obeys and change[place]:
                said += self._change(entry, place, bodies)
            begin = place + 1
            self.changes += self._obeys
            yield Step(said, begin, turns=self._obeys)
        said = self._said(entry, self._wished(rows[begin:], symbols))
        yield Step(said, len(rows), turns=False)

    def _wished(self, rows: Rows, symbols: Sequence[str]) -> Batch:
        return Batch(self._wishes.of(rows, symbols), symbols)

    def _said(self, entry: Entry, batch: Batch) -> list[Written]:
        if not len(batch):
            return []
        return answers(self._strategy, batch, entry.position, self._sealer)

    def _change(self, entry: Entry, place: int, bodies: Mapping[int, bytes]) -> list[Written]:
        """Follow a change. What is said of it names no instrument: only partition 0 says it."""
        ts_event, number = int(entry.rows["ts"][place]), int(entry.rows["open"][place])
        said = hand_over(self._strategy, number, bodies[number], ts_event)
        self._in_force = number
        mine = (each for each in said if each.instrument or self._partition == 0)
        return sealed_of_change(mine, number, ts_event, self._sealer)
