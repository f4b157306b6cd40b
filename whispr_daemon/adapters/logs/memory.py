"""The market log in memory: for tests, simulation and replays that need not survive."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.logs.arrivals import Arrivals
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry

_position: Final = attrgetter("position")


class MemoryEventLog:
    """Lists of entries, one per partition. Serves one event loop."""

    def __init__(self, partitions: int, clock: Clock = SYSTEM_CLOCK) -> None:
        """``clock`` times how long a read waits."""
        self._entries: list[list[Entry]] = [[] for _ in range(partitions)]
        self._arrivals = Arrivals(partitions, clock)

    @property
    def partitions(self) -> int:
        """The number of partitions."""
        return len(self._entries)

    async def append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Append in order; see the port."""
        self._arrivals.check_open()
        for partition, entry in entries:
            self._append(partition, entry)

    def _append(self, partition: int, entry: Entry) -> None:
        held = self._entries[partition]
        if held and entry.position <= held[-1].position:
            place = bisect_left(held, entry.position, key=_position)
            if place < len(held) and _same(held[place], entry):
                return
            raise Fenced(
                f"the log's partition {partition} is at {held[-1].position}:"
                f" {entry.position} comes too late, a newer producer has taken over"
            )
        held.append(_frozen(entry))
        self._arrivals.announce((partition,))

    async def read(
        self, partition: int, after: Position, max_rows: int, wait: float
    ) -> Sequence[Entry]:
        """Return the entries after a position; see the port."""
        seen = self._arrivals.count(partition)
        found = self._after(partition, after, max_rows)
        if not found and wait > 0:
            await self._arrivals.wait(partition, seen, wait)
            self._arrivals.check_open()
            found = self._after(partition, after, max_rows)
        return found

    def _after(self, partition: int, after: Position, max_rows: int) -> Sequence[Entry]:
        held = self._entries[partition]
        start = end = bisect_right(held, after, key=_position)
        rows = 0
        while end < len(held):
            rows += len(held[end].rows)
            if rows > max_rows and end > start:
                break
            end += 1
        return held[start:end]

    async def first(self, partition: int) -> Position:
        """Return the position of the oldest entry, ORIGIN if there is none."""
        held = self._entries[partition]
        return held[0].position if held else ORIGIN

    async def last(self, partition: int) -> Position:
        """Return the position of the newest entry, ORIGIN if there is none."""
        held = self._entries[partition]
        return held[-1].position if held else ORIGIN

    async def tail(self, partition: int) -> Entry | None:
        """Return the newest entry that has rows."""
        return next(
            (entry for entry in reversed(self._entries[partition]) if len(entry.rows)), None
        )

    async def trim(self, partition: int, before: Position) -> None:
        """Forget entries before a position, never the newest with rows (nor the newest of all)."""
        tail = await self.tail(partition)
        keep = tail.position if tail else await self.last(partition)
        held = self._entries[partition]
        del held[: bisect_left(held, min(before, keep), key=_position)]

    async def size(self) -> int:
        """Return the bytes of all rows."""
        return sum(entry.rows.nbytes for held in self._entries for entry in held)

    async def close(self) -> None:
        """End the waits of readers."""
        self._arrivals.close()


def _same(held: Entry, entry: Entry) -> bool:
    return held.position == entry.position and held.rows.tobytes() == entry.rows.tobytes()


def _frozen(entry: Entry) -> Entry:
    rows = entry.rows.copy()  # the appender may reuse its buffer
    rows.flags.writeable = False
    return msgspec.structs.replace(entry, rows=rows)
