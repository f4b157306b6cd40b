"""Trims the log: forgets what no unit recovers from and new rules need not learn any more.

It runs beside ingest, over the same log: nobody else writes there.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.log_room import NOBODY, Need, beyond
from whispr_daemon.engine.retry import persist
from whispr_daemon.engine.snapshots import needed_from
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.metrics import (
    LETTERS_DROPPED,
    LOG_BYTES,
    LOG_EXCESS_BYTES,
    ROWS_TRIMMED,
    Metrics,
)
from whispr_daemon.ports.store import Store

_EVERY: Final = 60.0  # seconds
_PAGE: Final = 65_536  # rows looked at together
_LETTERS: Final = 100_000  # dead letters kept, the newest
_LETTERS_AT_ONCE: Final = 10_000  # dropped in one transaction

_journal = structlog.get_logger("whispr.retention")


class _Found(NamedTuple):
    """What of a partition may go."""

    before: Position  # the first entry to be kept
    rows: int  # before it


_NOTHING: Final = _Found(ORIGIN, 0)


class Retention:
    """Keeps of each partition what its units need, and of the rest some event time, some bytes."""

    def __init__(
        self,
        log: EventLog,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        keep: int,
        keep_bytes: int | None = None,
    ) -> None:
        """``keep`` is in ns, back from the newest event of a partition.

        Of a log larger than ``keep_bytes`` more goes, the oldest rows of every partition alike, but
        never what a unit needs; where that alone is more, ``keep`` decides. None: no bound.
        """
        self._log, self._store = log, store
        self._clock, self._metrics = clock, metrics
        self._keep, self._keep_bytes = keep, keep_bytes

    async def run(self) -> None:
        """Trim once a minute until cancelled."""
        while True:
            await self._clock.sleep(_EVERY)
            await self.trim()

    async def trim(self) -> None:
        """Trim every partition as far as it may be; say so where that is not far enough."""
        needs = await persist(self._clock, "snapshots", self._needs)
        found = await persist(
            self._clock, "size", lambda: beyond(self._log, self._keep_bytes, needs)
        )
        for partition in range(self._log.partitions):
            needed = needs.get(partition, NOBODY).position
            await self._trim(partition, needed, found.rows.get(partition, 0))
        await self._tell(found.holding)
        await self._drop_letters()

    async def _trim(self, partition: int, needed: Position, too_many: int) -> None:
        found = await persist(
            self._clock, "read", lambda: self._forgettable(partition, needed, too_many)
        )
        if found.rows:
            crash_here("before_trim")
            await persist(self._clock, "trim", lambda: self._log.trim(partition, found.before))
            crash_here("after_trim")
            self._metrics.count(ROWS_TRIMMED, found.rows, str(partition))
            _journal.info(
                "log trimmed", partition=partition, rows=found.rows, position=str(found.before)
            )

    async def _tell(self, holding: Sequence[str]) -> None:
        """Show how large the log is; where it stays too large, say so, and who holds it."""
        size = await persist(self._clock, "size", self._log.size)
        excess = max(0, size - (self._keep_bytes or size)) if holding else 0
        self._metrics.gauge(LOG_BYTES, size)
        self._metrics.gauge(LOG_EXCESS_BYTES, excess)
        if excess:
            _journal.error(
                "log is larger than keep_bytes and cannot be trimmed: it is needed",
                bytes=size,
                keep_bytes=self._keep_bytes,
                needed_by=holding,
            )

    async def _drop_letters(self) -> None:
        """Drop old dead letters bit by bit: a day of bad rows at once would hold up commits."""
        dropped = _LETTERS_AT_ONCE
        while dropped == _LETTERS_AT_ONCE:
            dropped = await persist(
                self._clock,
                "dead letters",
                lambda: self._store.drop_dead_letters(_LETTERS, _LETTERS_AT_ONCE),
            )
            self._metrics.count(LETTERS_DROPPED, dropped)

    async def _needs(self) -> dict[int, Need]:
        """Return for each partition that has units from where on one of them needs it.

        A unit that has no snapshot yet may need all of it, and so does one that nobody runs any
        more for what came after its own: it may be run again.
        """
        found: dict[int, Need] = {}
        for unit_id in await self._store.marks():
            _, slash, partition = unit_id.rpartition("/")
            if not slash:
                continue  # what the daemon says itself answers no log
            kept = await self._store.snapshots_of(unit_id)
            position = min((needed_from(each) for each in kept), default=ORIGIN)
            need = Need(position, unit_id)
            found[int(partition)] = min(need, found.get(int(partition), need))
        return found

    async def _forgettable(self, partition: int, needed: Position, too_many: int) -> _Found:
        tail = await self._log.tail(partition)
        newest = None if tail is None else _newest(tail.rows)
        if newest is None or needed == ORIGIN:
            return _NOTHING
        position, rows = ORIGIN, 0
        while read := await self._log.read(partition, position, _PAGE, 0.0):
            for entry in read:
                told = _newest(entry.rows)
                recent = told is not None and told >= newest - self._keep
                if entry.position >= needed or (recent and rows >= too_many):
                    return _Found(entry.position, rows)
                position = entry.position
                rows += len(entry.rows)
        return _NOTHING


def _newest(rows: Rows) -> int | None:
    """Return the market's newest time among rows. A change may bear the time of the clock."""
    times = rows["ts"][rows["kind"] != Kind.CHANGE]
    return int(times.max()) if len(times) else None
