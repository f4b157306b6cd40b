"""The market log: ordered, partitioned, durable. What a strategy may depend on is in here."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.position import Position


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A run of rows appended together.

    ``marks`` says how far each source had been taken in, per partition, with this entry: what a
    restarted ingest resumes from, and what a host uses to skip a repeated entry. A *fence* is an
    entry without rows: the first act of a new producer, after which older ones are refused.
    """

    position: Position
    source: str = ""
    marks: Mapping[str, int] = {}
    offset: int = 0  # rows in the partition up to and including this entry
    ts_ingest: int = 0  # ns UTC
    rows: Rows  # shape (n,), read-only


class EventLog(Protocol):
    """One total order per partition; a single producer (ingest) writes, any number read."""

    @property
    def partitions(self) -> int:
        """The number of partitions, fixed when the log was created."""
        ...

    async def append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Append ``(partition, entry)`` pairs; on return all are durable.

        Idempotent: an entry that is already there, position and rows, is passed over. Not atomic
        over partitions.

        Raises:
            Fenced: the partition holds a position at or after this one: another producer's.
            Transient: the outcome is unknown; append the same entries again.
        """
        ...

    async def read(
        self, partition: int, after: Position, max_rows: int, wait: float
    ) -> Sequence[Entry]:
        """Return entries after a position, in order: at least one if there is one.

        Stops before the entry that would pass ``max_rows`` (but the first is always returned).
        With nothing to read it waits up to ``wait`` seconds, then returns an empty sequence.

        Raises:
            Transient: the log is away; ask again.
        """
        ...

    async def first(self, partition: int) -> Position:
        """Return the position of the oldest entry retained, ORIGIN if the partition is empty."""
        ...

    async def last(self, partition: int) -> Position:
        """Return the position of the newest entry, ORIGIN if the partition is empty."""
        ...

    async def tail(self, partition: int) -> Entry | None:
        """Return the newest entry that has rows, None if there is none."""
        ...

    async def trim(self, partition: int, before: Position) -> None:
        """Forget entries before a position; the newest entry that has rows always stays."""
        ...

    async def size(self) -> int:
        """Return how many bytes all entries take, about; trimming makes it less."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
