"""How far ingest is in each partition: taken over from the log, moved on with every entry."""

from collections.abc import Mapping, Sequence
from functools import partial

from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.errors import Fatal, LogWentBack
from whispr_daemon.domain.position import Position
from whispr_daemon.engine.retry import Persist
from whispr_daemon.ports.event_log import Entry, EventLog


class Ledger:
    """The next position, the rows so far, and the marks of the sources, by partition."""

    def __init__(self, log: EventLog, persist: Persist) -> None:
        """Nothing is known of the log before :meth:`take_over`."""
        self._log = log
        self._persist = persist
        self._epoch = 0
        self._seqs = [0] * log.partitions
        self._marks: list[dict[str, int]] = [{} for _ in range(log.partitions)]
        self.offsets = [0] * log.partitions

    async def take_over(self, epoch: int, known: Sequence[int]) -> None:
        """Fence older ingests and learn where the log ends.

        ``known`` are the rows that the store knows to be durable, by partition.

        Raises:
            Fatal: the log is not the one the store knows; nothing was written to it.
        """
        await self._check(epoch, known)
        self._epoch = epoch
        # Fence first, read the tails after: an older ingest still alive can add nothing between.
        none = empty_rows(0)
        fence = [
            (partition, Entry(position=Position(epoch, 0), rows=none))
            for partition in range(self._log.partitions)
        ]
        await self._persist("fence", lambda: self._log.append(fence))
        for partition in range(self._log.partitions):
            tail = await self._persist("tail", partial(self._log.tail, partition))
            if tail is not None:
                self._marks[partition] = dict(tail.marks)
                self.offsets[partition] = tail.offset

    def has(self, partition: int, source: str) -> int:
        """Return the source's number up to which the partition has its rows."""
        return self._marks[partition].get(source, 0)

    def entry(
        self, partition: int, rows: Rows, source: str, marks: Mapping[str, int], ts_ingest: int
    ) -> Entry:
        """Return the next entry of a partition; with it sources are in up to ``marks`` there."""
        self._seqs[partition] += 1
        self.offsets[partition] += len(rows)
        self._marks[partition].update(marks)
        return Entry(
            position=Position(self._epoch, self._seqs[partition]),
            source=source,
            marks=dict(self._marks[partition]),
            offset=self.offsets[partition],
            ts_ingest=ts_ingest,
            rows=rows,
        )

    async def _check(self, epoch: int, known: Sequence[int]) -> None:
        for partition in range(self._log.partitions):
            last = await self._persist("last", partial(self._log.last, partition))
            if last.epoch >= epoch:
                raise Fatal(
                    f"partition {partition} of the log holds entries of ingest {last.epoch}, the "
                    f"store has known {epoch - 1} before this one: log and store are not of the "
                    "same daemon"
                )
        for partition, rows in enumerate(known):
            tail = await self._persist("tail", partial(self._log.tail, partition))
            found = tail.offset if tail else 0
            if found < rows:
                raise LogWentBack(
                    f"partition {partition} of the log ends at row {found}, {rows} rows were made "
                    "durable in it; restore the log, or use the data folder it belongs to"
                )
