"""Takes a source in: numbers checked, bad rows put aside, the rest appended once to the log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from whispr_daemon.domain.batch import NO_INSTRUMENT, Rows
from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.gate import Gate
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.ticks import with_ticks
from whispr_daemon.engine.ledger import Ledger
from whispr_daemon.engine.retry import Backoff, Result, first_of, persist
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry, EventLog
from whispr_daemon.ports.metrics import (
    APPEND_SECONDS,
    ROWS_INGESTED,
    ROWS_REFUSED,
    ROWS_REPEATED,
    SOURCE_GAPS,
    Metrics,
)
from whispr_daemon.ports.source import Source, SourceBatch
from whispr_daemon.ports.store import DeadLetter, Producer, Store

PRODUCER: Final = "ingest"
_SAVE_EVERY: Final = 1.0  # seconds
_QUEUE: Final = 8  # source batches read ahead while an append is in flight
_NOTHING: Final = msgspec.msgpack.encode({})


class _Memory(msgspec.Struct):
    """What ingest knows of the rows up to its marks: the same rows must be judged the same."""

    newest: dict[str, int] = {}
    ticked: int = 0
    offsets: list[int] = []  # rows each partition of the log had


class _End(NamedTuple):
    """The source has no more rows: all read, or it failed."""

    error: Exception | None


class Ingest:
    """The single writer of the log.

    Exactly once over crashes: every partition's newest entry says how far the source was taken in
    there. A restarted ingest fences the old one, restores its memory at the marks saved last,
    reads the source again from there, and appends to each partition only what it lacks.
    """

    def __init__(
        self, source: Source, log: EventLog, store: Store, clock: Clock, metrics: Metrics
    ) -> None:
        """``source`` is taken in from where it was left."""
        self._source = source
        self._log, self._store = log, store
        self._clock, self._metrics = clock, metrics
        self._name = source.name
        self._gate = Gate()
        self._ticked = 0  # ns, the newest clock tick
        self._epoch = 0
        self._ledger = Ledger(log, source.name, self._persist)
        self._taken: dict[str, int] = {}  # durable in every partition
        self._codes: dict[str, int] = {}
        self._partition_of = np.zeros(0, dtype=np.int64)  # by instrument code
        self._saved_at = 0.0
        self._stopping = asyncio.Event()
        self.refused = 0  # rows put aside since the start
        self._journal = structlog.get_logger("whispr.ingest").bind(source=self._name)

    @property
    def taken(self) -> int:
        """The last sequence number of the source that is durable."""
        return self._taken.get(self._name, 0)

    def stop(self) -> None:
        """Ask for a clean stop: what is in flight is finished, the marks are saved."""
        self._stopping.set()

    async def run(self) -> None:
        """Take the source in to its end, or until stopped.

        Raises:
            Fenced: a newer ingest has taken over.
            Fatal: the log is not the one the store knows.
            SourceError: the source cannot be read as asked.
        """
        try:
            await self._run()
        except Transient as error:  # only while stopping; a restart goes on from the log's tails
            self._journal.error("stopped with the marks unsaved", error=str(error))

    async def _persist(self, doing: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        return await persist(self._clock, doing, attempt, give_up=self._stopping.is_set)

    async def _run(self) -> None:
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

    async def _open(self) -> None:
        producer = await self._persist("claim", lambda: self._store.claim_producer(PRODUCER))
        self._epoch = producer.epoch
        self._taken = dict(producer.marks)
        memory = msgspec.msgpack.decode(producer.state or _NOTHING, type=_Memory)
        self._gate, self._ticked = Gate(memory.newest), memory.ticked
        await self._ledger.take_over(self._epoch, memory.offsets)
        self._saved_at = self._clock.monotonic()

    async def _drain(self) -> None:
        """Read ahead while an append is in flight, then append all that has arrived at once."""
        queue: asyncio.Queue[SourceBatch | _End] = asyncio.Queue(_QUEUE)
        reader = asyncio.create_task(
            _pump(self._source.batches(self.taken), queue), name=f"read {self._name}"
        )
        try:
            while not self._stopping.is_set():
                arrived = await self._arrived(queue)
                await self._take([item for item in arrived if not isinstance(item, _End)])
                if arrived and isinstance(arrived[-1], _End):
                    if arrived[-1].error is not None:
                        raise arrived[-1].error
                    return
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _arrived(self, queue: asyncio.Queue[SourceBatch | _End]) -> list[SourceBatch | _End]:
        """Return everything in the queue; wait for the first, or for the wish to stop."""
        if queue.empty():
            getter = asyncio.ensure_future(queue.get())
            await first_of(getter, self._stopping.wait())
            arrived = [] if getter.cancelled() else [getter.result()]
        else:
            arrived = []
        while not queue.empty():
            arrived.append(queue.get_nowait())
        return arrived

    async def _take(self, batches: Sequence[SourceBatch]) -> None:
        if not batches:
            return
        judged = []
        taken = self.taken
        for batch in batches:
            rows, seqs = self._unseen(batch, taken)
            judged.append(await self._judged(rows, seqs, batch.symbols))
            taken = max(taken, batch.first_seq + len(batch.rows) - 1)
        rows, seqs, self._ticked = with_ticks(
            np.concatenate([rows for rows, _ in judged]),
            np.concatenate([seqs for _, seqs in judged]),
            self._ticked,
        )
        await self._append(self._entries(rows, seqs, taken))
        self._taken = {**self._taken, self._name: taken}
        self._metrics.count(ROWS_INGESTED, sum(len(each) for each, _ in judged), self._name)
        if self._clock.monotonic() - self._saved_at >= _SAVE_EVERY:
            await self._save()

    def _unseen(self, batch: SourceBatch, taken: int) -> tuple[Rows, NDArray[np.int64]]:
        """Return the rows above ``taken``, shape (n,), and their numbers; gaps are counted."""
        expected = taken + 1
        seqs = np.arange(batch.first_seq, batch.first_seq + len(batch.rows), dtype=np.int64)
        if batch.first_seq > expected:
            missing = batch.first_seq - expected
            self._metrics.count(SOURCE_GAPS, missing, self._name)
            self._journal.warning("gap in source", after=taken, missing=missing)
        repeated = max(0, min(len(seqs), expected - batch.first_seq))
        if repeated:
            self._metrics.count(ROWS_REPEATED, repeated, self._name)
        return batch.rows[repeated:], seqs[repeated:]

    async def _judged(
        self, rows: Rows, seqs: NDArray[np.int64], symbols: Sequence[str]
    ) -> tuple[Rows, NDArray[np.int64]]:
        """Return the rows that may enter, with the registry's codes; bury the others."""
        codes = await self._codes_of(symbols)
        coded = rows.copy()
        # A code beyond the symbols names no instrument: the gate refuses such a row.
        place = np.minimum(rows["instrument"], len(symbols))
        coded["instrument"] = np.append(codes, NO_INSTRUMENT)[place]
        names = dict(zip(codes.tolist(), symbols, strict=True))
        accepted, refusals = self._gate.inspect(coded, names)
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
        return coded[accepted], seqs[accepted]

    async def _codes_of(self, symbols: Sequence[str]) -> NDArray[np.int64]:
        unknown = [symbol for symbol in symbols if symbol not in self._codes]
        if unknown:
            found: Mapping[str, int] = await self._persist(
                "register", lambda: self._store.register(unknown)
            )
            self._codes.update(found)
            size = max(self._codes.values()) + 1
            grown = np.zeros(size, dtype=np.int64)
            for symbol, code in self._codes.items():
                grown[code] = partition_of(symbol, self._log.partitions)
            self._partition_of = grown
        return np.array([self._codes[symbol] for symbol in symbols], dtype=np.int64)

    def _entries(self, rows: Rows, seqs: NDArray[np.int64], taken: int) -> list[tuple[int, Entry]]:
        """Cut the rows by partition; ticks go to all. What a partition has already is left out."""
        tick = rows["kind"] == Kind.CLOCK
        home = self._partition_of[np.where(tick, 0, rows["instrument"])]
        now = self._clock.now()
        entries = []
        for partition in range(self._log.partitions):
            mine = (tick | (home == partition)) & (seqs > self._ledger.has(partition))
            if mine.any():
                entry = self._ledger.entry(partition, rows[mine], taken, now)
                entries.append((partition, entry))
        return entries

    async def _append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        if not entries:
            return
        began = self._clock.monotonic()
        await self._persist("append", lambda: self._log.append(entries))
        self._metrics.observe(APPEND_SECONDS, self._clock.monotonic() - began)

    async def _save(self) -> None:
        memory = _Memory(
            newest=self._gate.memory(), ticked=self._ticked, offsets=self._ledger.offsets
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
