"""Takes a source in: numbers checked, bad rows put aside, the rest appended once to the log.

Changes of the rules go the same way: they are rows of a source named ``rules``, whose numbers are
those of the changes in the store.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from whispr_daemon.domain.batch import NO_INSTRUMENT, Rows, change_row
from whispr_daemon.domain.errors import Fatal, Transient
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.gate import Gate
from whispr_daemon.domain.moments import references_first
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.ticks import with_ticks
from whispr_daemon.engine.alignment import Alignment, Waiting
from whispr_daemon.engine.ledger import Ledger
from whispr_daemon.engine.retry import Backoff, Result, first_of, persist
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry, EventLog
from whispr_daemon.ports.metrics import (
    APPEND_SECONDS,
    ROWS_INGESTED,
    ROWS_REFUSED,
    ROWS_REPEATED,
    RULE_CHANGES,
    SOURCE_GAPS,
    Metrics,
)
from whispr_daemon.ports.source import Source, SourceBatch
from whispr_daemon.ports.store import DeadLetter, Producer, Store

PRODUCER: Final = "ingest"
CHANGES: Final = "rules"  # the source that changes of the rules are marked as
_SAVE_EVERY: Final = 1.0  # seconds
_QUEUE: Final = 8  # source batches read ahead while an append is in flight
_NOTHING: Final = msgspec.msgpack.encode({})


class _Memory(msgspec.Struct):
    """What ingest knows of the rows up to its marks: the same rows must be judged the same."""

    newest: dict[str, int] = {}
    ticked: int = 0
    reached: int = 0
    offsets: list[int] = []  # rows each partition of the log had


class _End(NamedTuple):
    """The source has no more rows: all read, or it failed."""

    error: Exception | None


class Ingest:
    """The single writer of the log.

    Exactly once over crashes: every partition's newest entry says how far the source was taken in
    there. A restarted ingest fences the old one, restores its memory at the marks saved last,
    reads the source again from there, and appends to each partition only what it lacks.

    A change is appended to all partitions when all have the source up to one number: it stands at
    the same place in each. Rows of symbols that rules refer to go to all partitions, not only to
    those with symbols of such rules: which those are changes with every new instrument, and a
    partition that got them late would lack their history.
    """

    def __init__(
        self,
        source: Source,
        log: EventLog,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        alignment: Alignment | None = None,
    ) -> None:
        """``source`` is taken in from where it was left."""
        self._source = source
        self._log, self._store = log, store
        self._clock, self._metrics = clock, metrics
        self._name = source.name
        self._gate = Gate()
        self._ticked = 0  # ns, the newest clock tick
        self._reached = 0  # ns, the newest time of a row
        self._epoch = 0
        self._ledger = Ledger(log, self._persist)
        self._alignment = alignment or Alignment()
        self._waiting = Waiting(self._alignment.wait)
        self._seen = 0  # the last number read, waiting or taken in
        self._change = 0  # the newest that is to be in the log
        self._refs = np.zeros(0, dtype=np.int64)  # codes
        self._sourced: set[int] = set()  # codes of what the source has
        self._taken: dict[str, int] = {}  # durable in every partition
        self._codes: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._partition_of = np.zeros(0, dtype=np.int64)  # by instrument code
        self._saved_at = 0.0
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self.refused = 0  # rows put aside since the start
        self._journal = structlog.get_logger("whispr.ingest").bind(source=self._name)

    @property
    def taken(self) -> int:
        """The last sequence number of the source that is durable."""
        return self._taken.get(self._name, 0)

    def stop(self) -> None:
        """Ask for a clean stop: what is in flight is finished, the marks are saved."""
        self._stopping.set()

    def change(self, number: int) -> None:
        """Ask for the changes in the store to be appended up to this one."""
        self._change = max(self._change, number)
        self._changed.set()

    async def run(self, *, stay: bool = False) -> None:
        """Take the source in to its end, or until stopped; ``stay``: changes may come after it.

        Raises:
            Fenced: a newer ingest has taken over.
            Fatal: the log is not the one the store knows.
            SourceError: the source cannot be read as asked.
        """
        try:
            await self._run(stay=stay)
        except Transient as error:  # only while stopping; a restart goes on from the log's tails
            self._journal.error("stopped with the marks unsaved", error=str(error))

    async def _persist(self, doing: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        return await persist(self._clock, doing, attempt, give_up=self._stopping.is_set)

    async def _run(self, *, stay: bool) -> None:
        await self._open()
        backoff = Backoff(self._clock)
        while not self._stopping.is_set():
            before = self.taken
            try:
                await self._drain()
                break
            except Transient as error:
                if self._stopping.is_set():
                    raise  # perhaps of an append: what it held must not count as taken in
                self._journal.warning(
                    "source broke, reading on", after=self.taken, error=str(error)
                )
                if self.taken > before:
                    backoff.reset()
                await backoff.wait()
        await self._save()
        self._journal.info("source taken in", seq=self.taken, refused=self.refused)
        while stay and not self._stopping.is_set():
            await first_of(self._changed.wait(), self._stopping.wait())
            await self._append_changes(over=True)

    async def _open(self) -> None:
        producer = await self._persist("claim", lambda: self._store.claim_producer(PRODUCER))
        self._epoch = producer.epoch
        self._taken = dict(producer.marks)
        memory = msgspec.msgpack.decode(producer.state or _NOTHING, type=_Memory)
        self._gate, self._ticked = Gate(memory.newest), memory.ticked
        self._reached = memory.reached
        try:
            await self._ledger.take_over(self._epoch, memory.offsets)
        except Fatal:
            # Overtaken since the claim? Then the log is not wrong, and this raises Fenced.
            await self._persist("check the claim", lambda: self._store.save_producer(producer))
            raise
        self._saved_at = self._clock.monotonic()
        newest = await self._persist("changes", lambda: self._store.changes(1))
        in_force = self._least_change()
        if in_force:
            await self._refer(in_force)
        self._change = newest[-1].number if newest else 0
        await self._append_changes()

    async def _drain(self) -> None:
        """Read ahead while an append is in flight, then append all that has arrived at once."""
        queue: asyncio.Queue[SourceBatch | _End] = asyncio.Queue(_QUEUE)
        self._seen = self.taken
        self._waiting = Waiting(self._alignment.wait)
        reader = asyncio.create_task(
            _pump(self._source.batches(self.taken), queue), name=f"read {self._name}"
        )
        try:
            while not self._stopping.is_set():
                arrived = await self._arrived(queue)
                end = arrived[-1] if arrived and isinstance(arrived[-1], _End) else None
                over = end is not None and end.error is None
                batches = [item for item in arrived if not isinstance(item, _End)]
                await self._take(batches, over=over)
                await self._append_changes(over=over)
                if end is not None and end.error is not None:
                    raise end.error
                if over:
                    return
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _arrived(self, queue: asyncio.Queue[SourceBatch | _End]) -> list[SourceBatch | _End]:
        """Return everything in the queue; wait for the first, or for something else to do."""
        arrived: list[SourceBatch | _End] = []
        if queue.empty():
            getter = asyncio.ensure_future(queue.get())
            waits: list[Awaitable[object]] = [getter, self._stopping.wait(), self._changed.wait()]
            if self._waiting.deadline is not None:
                rest = self._waiting.deadline - self._clock.monotonic()
                waits.append(self._clock.sleep(max(0.0, rest)))
            await first_of(*waits)
            arrived = [] if getter.cancelled() else [getter.result()]
        while not queue.empty():
            arrived.append(queue.get_nowait())
        return arrived

    async def _take(self, batches: Sequence[SourceBatch], *, over: bool) -> None:
        for batch in batches:
            rows, seqs = self._unseen(batch)
            self._waiting.add(await self._coded(rows, batch.symbols), seqs)
            self._seen = max(self._seen, batch.first_seq + len(batch.rows) - 1)
        rows, seqs = self._waiting.ready(self._awaited(), self._clock.monotonic(), over=over)
        count = len(rows)
        if self._least_change() < self._change:
            # A change that a crash left in some partitions comes at the same row in the others.
            count = int(np.searchsorted(seqs, max(self._ahead(), self.taken), side="right"))
        await self._accept(rows[:count], seqs[:count])
        if count < len(rows):
            await self._append_changes(over=True)
            await self._accept(rows[count:], seqs[count:])

    async def _accept(self, rows: Rows, seqs: NDArray[np.int64]) -> None:
        """Judge rows and append those that may enter; they are taken in then."""
        if not len(rows):
            return
        taken = int(seqs[-1])
        accepted = await self._judged(rows, seqs)
        rows, seqs, self._ticked = with_ticks(rows[accepted], seqs[accepted], self._ticked)
        self._reached = max(self._reached, int(rows["ts"].max(initial=0)))
        if len(self._refs):
            order = references_first(rows, np.isin(rows["instrument"], self._refs))
            rows, seqs = rows[order], seqs[order]
        await self._append(self._entries(rows, seqs, taken))
        self._taken = {**self._taken, self._name: taken}
        self._metrics.count(ROWS_INGESTED, int(accepted.sum()), self._name)
        if self._clock.monotonic() - self._saved_at >= _SAVE_EVERY:
            await self._save()

    def _awaited(self) -> NDArray[np.int64]:
        """Return the codes of the references that this source has, shape (n,)."""
        had = [code for code in self._refs.tolist() if code in self._sourced]
        return np.array(had, dtype=np.int64)

    def _unseen(self, batch: SourceBatch) -> tuple[Rows, NDArray[np.int64]]:
        """Return the rows not read before, shape (n,), and their numbers; gaps are counted."""
        expected = self._seen + 1
        seqs = np.arange(batch.first_seq, batch.first_seq + len(batch.rows), dtype=np.int64)
        if batch.first_seq > expected:
            missing = batch.first_seq - expected
            self._metrics.count(SOURCE_GAPS, missing, self._name)
            self._journal.warning("gap in source", after=self._seen, missing=missing)
        repeated = max(0, min(len(seqs), expected - batch.first_seq))
        if repeated:
            self._metrics.count(ROWS_REPEATED, repeated, self._name)
        return batch.rows[repeated:], seqs[repeated:]

    async def _coded(self, rows: Rows, symbols: Sequence[str]) -> Rows:
        """Return a copy of the rows with the registry's codes."""
        codes = await self._codes_of(symbols)
        self._sourced.update(codes.tolist())
        coded = rows.copy()
        # A code beyond the symbols names no instrument: the gate refuses such a row.
        place = np.minimum(rows["instrument"], len(symbols))
        coded["instrument"] = np.append(codes, NO_INSTRUMENT)[place]
        return coded

    async def _judged(self, rows: Rows, seqs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows may enter, shape (n,); bury the others."""
        accepted, refusals = self._gate.inspect(rows, self._names)
        if refusals:
            letters = [
                DeadLetter(
                    source=self._name,
                    seq=int(seqs[refusal.index]),
                    reason=refusal.reason,
                    detail=f"{self._source.describe(int(seqs[refusal.index]))}: {refusal.detail}",
                )
                for refusal in refusals
            ]
            await self._persist("bury", lambda: self._store.bury(letters))
            self.refused += len(letters)
            for letter in letters:
                self._metrics.count(ROWS_REFUSED, 1, self._name, letter.reason)
            self._journal.warning("rows refused", rows=len(letters), first=letters[0].detail)
        return accepted

    async def _codes_of(self, symbols: Sequence[str]) -> NDArray[np.int64]:
        unknown = [symbol for symbol in symbols if symbol not in self._codes]
        if unknown:
            found: Mapping[str, int] = await self._persist(
                "register", lambda: self._store.register(unknown)
            )
            self._codes.update(found)
            self._names.update({code: symbol for symbol, code in found.items()})
            size = max(self._codes.values()) + 1
            grown = np.zeros(size, dtype=np.int64)
            for symbol, code in self._codes.items():
                grown[code] = partition_of(symbol, self._log.partitions)
            self._partition_of = grown
        return np.array([self._codes[symbol] for symbol in symbols], dtype=np.int64)

    def _entries(self, rows: Rows, seqs: NDArray[np.int64], taken: int) -> list[tuple[int, Entry]]:
        """Cut the rows by partition; ticks and references go to all.

        What a partition has already is left out.
        """
        tick = rows["kind"] == Kind.CLOCK
        everywhere = tick | np.isin(rows["instrument"], self._refs)
        home = self._partition_of[np.where(tick, 0, rows["instrument"])]
        now = self._clock.now()
        entries = []
        for partition in range(self._log.partitions):
            lacking = seqs > self._ledger.has(partition, self._name)
            mine = (everywhere | (home == partition)) & lacking
            if mine.any():
                marks = {self._name: taken}
                entry = self._ledger.entry(partition, rows[mine], self._name, marks, now)
                entries.append((partition, entry))
        return entries

    async def _append_changes(self, *, over: bool = False) -> None:
        """Append the changes that are lacking, once all partitions have the source equally far.

        After a crash some may have more of it than is taken in again so far: then later, unless
        the source is ``over`` and will never come so far.
        """
        self._changed.clear()
        parts, ahead = range(self._log.partitions), self._ahead()
        if ahead > self.taken and not over:
            return
        for number in range(self._least_change() + 1, self._change + 1):
            row = change_row(number, self._reached or self._clock.now())
            marks = {CHANGES: number}
            if self.taken:
                marks[self._name] = max(self.taken, ahead)  # nothing up to there comes after it
            now = self._clock.now()
            entries = [
                (each, self._ledger.entry(each, row, CHANGES, marks, now))
                for each in parts
                if self._ledger.has(each, CHANGES) < number
            ]
            await self._append(entries)
            await self._refer(number)
            self._metrics.count(RULE_CHANGES, 1)
            self._journal.info("rules changed", change=number)

    def _ahead(self) -> int:
        """Return how far the source is in the partition that has most of it."""
        return max(self._ledger.has(each, self._name) for each in range(self._log.partitions))

    def _least_change(self) -> int:
        """Return the newest change that is in every partition."""
        return min(self._ledger.has(each, CHANGES) for each in range(self._log.partitions))

    async def _refer(self, number: int) -> None:
        """Send everywhere, from now on, what the rules of a change refer to.

        Raises:
            Fatal: the store does not know the change.
        """
        found = await self._persist("change", lambda: self._store.change(number))
        if found is None:
            raise Fatal(
                f"the log names change {number}, which the store does not know: log and store are "
                "not of the same daemon"
            )
        self._refs = await self._codes_of(sorted(self._alignment.refs_of(found.body)))

    async def _append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        if not entries:
            return
        began = self._clock.monotonic()
        await self._persist("append", lambda: self._log.append(entries))
        self._metrics.observe(APPEND_SECONDS, self._clock.monotonic() - began)

    async def _save(self) -> None:
        memory = _Memory(
            newest=self._gate.memory(),
            ticked=self._ticked,
            reached=self._reached,
            offsets=self._ledger.offsets,
        )
        producer = Producer(
            producer=PRODUCER,
            epoch=self._epoch,
            marks=self._taken,
            state=msgspec.msgpack.encode(memory),
        )
        await self._persist("save marks", lambda: self._store.save_producer(producer))
        self._saved_at = self._clock.monotonic()


async def _pump(
    batches: AsyncIterator[SourceBatch], queue: asyncio.Queue[SourceBatch | _End]
) -> None:
    """Move batches into the queue; the last item says how the source ended."""
    error: Exception | None = None
    try:
        async for batch in batches:
            await queue.put(batch)
    except Exception as found:  # noqa: BLE001 - handed over to the reader of the queue, who raises it
        error = found
    await queue.put(_End(error))
