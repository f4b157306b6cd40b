"""Takes a source in: numbers checked, bad rows put aside, the rest appended once to the log.

Changes of the rules go the same way: they are rows of a source named ``rules``, whose numbers are
those of the changes in the store.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from whispr_daemon.domain.batch import NO_INSTRUMENT, Rows, copied
from whispr_daemon.domain.errors import Fatal, Transient
from whispr_daemon.domain.ticks import with_ticks
from whispr_daemon.engine.alignment import Alignment, Waiting
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.judge import Judge
from whispr_daemon.engine.partitions import CHANGES, Partitions
from whispr_daemon.engine.read_ahead import ReadAhead
from whispr_daemon.engine.retry import Backoff, Result, persist
from whispr_daemon.engine.waking import Waking
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.metrics import (
    READ_AHEAD_BYTES,
    ROWS_INGESTED,
    ROWS_REPEATED,
    RULE_CHANGES,
    SOURCE_GAPS,
    Metrics,
)
from whispr_daemon.ports.source import Source, SourceBatch
from whispr_daemon.ports.store import Producer, Store

PRODUCER: Final = "ingest"
_SAVE_EVERY: Final = 1.0  # seconds
_NOTHING: Final = msgspec.msgpack.encode({})


class _Memory(msgspec.Struct):
    """What ingest knows of the rows up to its marks: the same rows must be judged the same."""

    newest: dict[str, int] = {}
    ticked: int = 0
    reached: int = 0
    offsets: list[int] = []  # rows each partition of the log had


class Ingest:
    """The single writer of the log.

    Exactly once over crashes: every partition's newest entry says how far the source was taken in
    there. A restarted ingest fences the old one, restores its memory at the marks saved last,
    reads the source again from there, and appends to each partition only what it lacks.

    A change is appended to all partitions when all have the source up to one number: it stands at
    the same place in each.
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
        self._store = store
        self._clock, self._metrics = clock, metrics
        self._name = source.name
        self._judge = Judge(source, store, self._persist, metrics)
        self._ticked = 0  # ns, the newest clock tick
        self._reached = 0  # ns, the newest time of a row
        self._epoch = 0
        self._alignment = alignment or Alignment()
        self._partitions = Partitions(
            log, store, clock, metrics, self._persist, self._alignment.refs_of
        )
        self._waiting = Waiting(self._alignment.wait)
        self._seen = 0  # the last number read, waiting or taken in
        self._change = 0  # the newest that is to be in the log
        self._sourced: set[int] = set()  # codes of what the source has
        self._symbols: Sequence[str] = ()  # of the last batch …
        self._codes = np.array([NO_INSTRUMENT], dtype=np.int64)  # … by code, and one for all others
        self._taken: dict[str, int] = {}  # durable in every partition
        self._saved_at = 0.0
        self._stopping = False
        self._news = Waking(clock)  # of the source, of a change, or that it is to stop
        self._journal = structlog.get_logger("whispr.ingest").bind(source=self._name)

    @property
    def taken(self) -> int:
        """The last sequence number of the source that is durable."""
        return self._taken.get(self._name, 0)

    @property
    def refused(self) -> int:
        """Rows put aside since the start."""
        return self._judge.refused

    def stop(self) -> None:
        """Ask for a clean stop: what is in flight is finished, the marks are saved."""
        self._stopping = True
        self._news.set()

    def change(self, number: int) -> None:
        """Ask for the changes in the store to be appended up to this one."""
        self._change = max(self._change, number)
        self._news.set()

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
        return await persist(self._clock, doing, attempt, give_up=lambda: self._stopping)

    async def _run(self, *, stay: bool) -> None:
        await self._open()
        backoff = Backoff(self._clock)
        while not self._stopping:
            before = self.taken
            try:
                await self._drain()
                break
            except Transient as error:
                if self._stopping:
                    raise  # perhaps of an append: what it held must not count as taken in
                self._journal.warning(
                    "source broke, reading on", after=self.taken, error=str(error)
                )
                if self.taken > before:
                    backoff.reset()
                await backoff.wait()
        await self._save()
        self._journal.info("source taken in", seq=self.taken, refused=self.refused)
        while stay and not self._stopping:
            await self._news.wait()
            await self._append_changes(over=True)

    async def _open(self) -> None:
        producer = await self._persist("claim", lambda: self._store.claim_producer(PRODUCER))
        crash_here("ingest_claimed")
        self._epoch = producer.epoch
        self._taken = dict(producer.marks)
        memory = msgspec.msgpack.decode(producer.state or _NOTHING, type=_Memory)
        self._judge.remember(memory.newest)
        self._ticked, self._reached = memory.ticked, memory.reached
        try:
            await self._partitions.ledger.take_over(self._epoch, memory.offsets)
        except Fatal:
            # Overtaken since the claim? Then the log is not wrong, and this raises Fenced.
            await self._persist("check the claim", lambda: self._store.save_producer(producer))
            raise
        crash_here("log_fenced")
        self._saved_at = self._clock.monotonic()
        newest = await self._persist("changes", lambda: self._store.changes(1))
        in_force = self._partitions.least(CHANGES)
        if in_force:
            await self._partitions.refer(in_force)
        self._change = newest[-1].number if newest else 0
        await self._append_changes()

    async def _drain(self) -> None:
        """Read ahead while an append is in flight, then append all that has arrived at once."""
        self._seen = self.taken
        self._waiting = Waiting(self._alignment.wait)
        reading = ReadAhead(self._source.batches(self.taken), self._name, self._news.set)
        try:
            while not self._stopping:
                await self._news.wait(self._rest())
                batches = reading.arrived()
                taken = sum(batch.rows.nbytes for batch in batches)
                self._metrics.gauge(READ_AHEAD_BYTES, taken, self._name)
                over = reading.ended and reading.error is None
                await self._take(batches, over=over)
                self._metrics.gauge(READ_AHEAD_BYTES, reading.bytes, self._name)
                await self._append_changes(over=over)
                if reading.error is not None and reading.ended:
                    raise reading.error
                if over:
                    return
        finally:
            await reading.close()

    def _rest(self) -> float | None:
        """Return the seconds until rows have waited long enough for others; None: none wait."""
        if self._waiting.deadline is None:
            return None
        return max(0.0, self._waiting.deadline - self._clock.monotonic())

    async def _take(self, batches: Sequence[SourceBatch], *, over: bool) -> None:
        for batch in batches:
            rows, seqs = self._unseen(batch)
            self._waiting.add(await self._coded(rows, batch.symbols), seqs)
            self._seen = max(self._seen, batch.first_seq + len(batch.rows) - 1)
        rows, seqs = self._waiting.ready(self._awaited(), self._clock.monotonic(), over=over)
        count = len(rows)
        if self._partitions.least(CHANGES) < self._change:
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
        rows, seqs = await self._judge.accepted(rows, seqs, self._partitions.instruments.names)
        entered = len(rows)
        rows, seqs, self._ticked = with_ticks(rows, seqs, self._ticked)
        self._reached = max(self._reached, int(rows["ts"].max(initial=0)))
        await self._partitions.append(rows, seqs, self._name, taken)
        self._taken = {**self._taken, self._name: taken}
        self._metrics.count(ROWS_INGESTED, entered, self._name)
        if self._clock.monotonic() - self._saved_at >= _SAVE_EVERY:
            await self._save()

    def _awaited(self) -> NDArray[np.int64]:
        """Return the codes of the references that this source has, shape (n,)."""
        had = [code for code in self._partitions.refs.tolist() if code in self._sourced]
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
        # Most sources have one tuple for all their batches, which cannot have changed meanwhile.
        if symbols is not self._symbols or not isinstance(symbols, tuple):
            codes = await self._partitions.instruments.codes_of(symbols)
            self._sourced.update(codes.tolist())
            self._codes, self._symbols = np.append(codes, NO_INSTRUMENT), symbols
        coded = copied(rows)
        # A code beyond the symbols names no instrument: the gate refuses such a row.
        place = np.minimum(rows["instrument"], len(symbols))
        coded["instrument"] = self._codes[place]
        return coded

    async def _append_changes(self, *, over: bool = False) -> None:
        """Append the changes that are lacking, once all partitions have the source equally far.

        After a crash some may have more of it than is taken in again so far: then later, unless
        the source is ``over`` and will never come so far.
        """
        ahead = self._ahead()
        if ahead > self.taken and not over:
            return
        for number in range(self._partitions.least(CHANGES) + 1, self._change + 1):
            ts = self._reached or self._clock.now()
            reached = max(self.taken, ahead) if self.taken else 0
            await self._partitions.append_change(number, ts, self._name, reached)
            self._metrics.count(RULE_CHANGES, 1)
            self._journal.info("rules changed", change=number)

    def _ahead(self) -> int:
        """Return how far the source is in the partition that has most of it."""
        return self._partitions.most(self._name)

    async def _save(self) -> None:
        memory = _Memory(
            newest=self._judge.memory(),
            ticked=self._ticked,
            reached=self._reached,
            offsets=self._partitions.ledger.offsets,
        )
        producer = Producer(
            producer=PRODUCER,
            epoch=self._epoch,
            marks=self._taken,
            state=msgspec.msgpack.encode(memory),
        )
        crash_here("before_marks")
        await self._persist("save marks", lambda: self._store.save_producer(producer))
        crash_here("after_marks")
        self._saved_at = self._clock.monotonic()
