"""Trims the log: forgets what no unit recovers from and new rules need not learn any more.

It runs beside ingest, over the same log: nobody else writes there.
"""

from typing import Final

import structlog

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.fold import needed_from
from whispr_daemon.engine.retry import persist
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.metrics import ROWS_TRIMMED, Metrics
from whispr_daemon.ports.store import Store

_EVERY: Final = 60.0  # seconds
_PAGE: Final = 65_536  # rows looked at together

_journal = structlog.get_logger("whispr.retention")


class Retention:
    """Keeps of each partition what its units need, and never less than some event time."""

    def __init__(
        self, log: EventLog, store: Store, clock: Clock, metrics: Metrics, keep: int
    ) -> None:
        """``keep`` is in ns, back from the newest event of a partition."""
        self._log, self._store = log, store
        self._clock, self._metrics = clock, metrics
        self._keep = keep

    async def run(self) -> None:
        """Trim once a minute until cancelled."""
        while True:
            await self._clock.sleep(_EVERY)
            await self.trim()

    async def trim(self) -> None:
        """Trim every partition as far as it may be."""
        needed = await persist(self._clock, "snapshots", self._needed)
        for partition in range(self._log.partitions):
            await self._trim(partition, needed.get(partition, ORIGIN))

    async def _trim(self, partition: int, needed: Position) -> None:
        before, rows = await persist(
            self._clock, "read", lambda: self._forgettable(partition, needed)
        )
        if not rows:
            return
        crash_here("before_trim")
        await persist(self._clock, "trim", lambda: self._log.trim(partition, before))
        crash_here("after_trim")
        self._metrics.count(ROWS_TRIMMED, rows, str(partition))
        _journal.info("log trimmed", partition=partition, rows=rows, position=str(before))

    async def _needed(self) -> dict[int, Position]:
        """Return for each partition that has units from where on one of them needs it.

        A unit that has no snapshot yet may need all of it, and so does one that nobody runs any
        more for what came after its own: it may be run again.
        """
        found: dict[int, Position] = {}
        for unit_id in await self._store.marks():
            _, slash, partition = unit_id.rpartition("/")
            if not slash:
                continue  # what the daemon says itself answers no log
            kept = await self._store.snapshots_of(unit_id)
            needed = min((needed_from(each) for each in kept), default=ORIGIN)
            found[int(partition)] = min(needed, found.get(int(partition), needed))
        return found

    async def _forgettable(self, partition: int, needed: Position) -> tuple[Position, int]:
        """Return the first entry to be kept, and how many rows there are before it."""
        tail = await self._log.tail(partition)
        newest = None if tail is None else _newest(tail.rows)
        if newest is None or needed == ORIGIN:
            return ORIGIN, 0
        position, rows = ORIGIN, 0
        while read := await self._log.read(partition, position, _PAGE, 0.0):
            for entry in read:
                told = _newest(entry.rows)
                recent = told is not None and told >= newest - self._keep
                if recent or entry.position >= needed:
                    return entry.position, rows
                position = entry.position
                rows += len(entry.rows)
        return ORIGIN, 0


def _newest(rows: Rows) -> int | None:
    """Return the market's newest time among rows. A change may bear the time of the clock."""
    times = rows["ts"][rows["kind"] != Kind.CHANGE]
    return int(times.max()) if len(times) else None
