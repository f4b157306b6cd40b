"""The market log in one SQLite file: one process, one connection, one thread."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self, TypeAlias, TypeVar

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.logs.arrivals import Arrivals
from whispr_daemon.adapters.logs.newest import Newest
from whispr_daemon.adapters.logs.sqlite_file import LogFile
from whispr_daemon.adapters.logs.wire import decode, encode_header, encode_rows, kept
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry

T = TypeVar("T")
_Row: TypeAlias = tuple[int, Entry, bytes, bytes]  # partition, entry, its header and rows
_Added: TypeAlias = tuple[_Row, Position]  # and what its partition ended with before

_AT_ONCE: Final = 64  # entries trimmed in one transaction, so that an append waits for no more
_NEWEST_BYTES: Final = 16 * 2**20  # of the newest entries in memory, of all partitions together
_ADD: Final = "INSERT INTO entry (partition, position, count, header, rows) VALUES (?, ?, ?, ?, ?)"
_ADD_NEXT: Final = (  # only behind what its partition is known to end with
    "INSERT INTO entry (partition, position, count, header, rows) SELECT ?1, ?2, ?3, ?4, ?5"
    " WHERE (SELECT max(position) FROM entry WHERE partition = ?1) = ?6"
)
_ROWS_AT: Final = "SELECT rows FROM entry WHERE partition = ? AND position = ?"
_FIRST: Final = "SELECT min(position) FROM entry WHERE partition = ?"
_LAST: Final = "SELECT max(position) FROM entry WHERE partition = ?"
_AFTER: Final = (
    "SELECT position, header, rows, count FROM entry"
    " WHERE partition = ? AND position > ? ORDER BY position"
)
_TAIL: Final = (
    "SELECT position, header, rows FROM entry"
    " WHERE partition = ? AND count > 0 ORDER BY position DESC LIMIT 1"
)
_TRIM: Final = "DELETE FROM entry WHERE partition = ? AND position < ?"
_NEXT: Final = (
    "SELECT position FROM entry WHERE partition = ? AND position < ? ORDER BY position"
    " LIMIT 1 OFFSET ?"
)


class SqliteEventLog:
    """Made by :meth:`open`. Every statement runs in the log's own thread, one after the other.

    A caller that is cancelled stops waiting for its statement; the statement itself ends whole.
    """

    def __init__(self, file: LogFile, arrivals: Arrivals, partitions: int) -> None:
        """Use :meth:`open`."""
        self._file = file
        self._arrivals = arrivals
        self._partitions = partitions
        self._newest = [Newest(_NEWEST_BYTES // partitions) for _ in range(partitions)]
        self._ends: dict[int, Position] = {}  # what partitions ended with when last appended to

    @classmethod
    async def open(
        cls,
        path: Path,
        partitions: int,
        clock: Clock = SYSTEM_CLOCK,
        *,
        readonly: bool = False,
    ) -> Self:
        """Open the log, creating the file (not its folder) if there is none.

        ``clock`` times how long a read waits. ``readonly`` is for another process than the daemon,
        which may be running: it only looks, and what would write raises Transient.

        Raises:
            SettingsError: the file cannot be opened or written, has another number of partitions,
                or was written by a newer Whispr.
        """
        file = await LogFile.open(path, partitions, readonly=readonly)
        return cls(file, Arrivals(partitions, clock), partitions)

    @property
    def partitions(self) -> int:
        """The number of partitions, fixed when the file was created."""
        return self._partitions

    async def append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Append all in one transaction; see the port."""
        self._arrivals.check_open()
        rows: list[_Row] = [
            (partition, entry, encode_header(entry), encode_rows(entry))
            for partition, entry in entries
        ]
        # Readers are told first, and also when this caller is cancelled meanwhile.
        await self._file.run_through(lambda: self._append(rows), self._appended)

    def _appended(self, added: Sequence[_Added]) -> None:
        for (partition, entry, _, body), before in added:
            self._newest[partition].add(kept(entry, body), before)
        self._arrivals.announce({row[0] for row, _ in added})

    def _append(self, entries: Sequence[_Row]) -> list[_Added]:
        """Append what is not there yet, and return it.

        Each statement is a moment at which a busy loop may keep this thread waiting; one that comes
        alone is a transaction of its own.
        """
        alone = self._next(entries[0]) if len(entries) == 1 else None
        added = self._transact(entries) if alone is None else [(entries[0], alone)]
        self._ends.update((row[0], row[1].position) for row, _ in added)
        return added

    def _next(self, row: _Row) -> Position | None:
        """Append one if its partition ends as it did; return that, None: it was not appended."""
        end = self._ends.get(row[0])
        if end is None or row[1].position <= end:
            return None
        values = (*_values(row), end.pack())
        return end if self._file.connection.execute(_ADD_NEXT, values).rowcount else None

    def _transact(self, entries: Sequence[_Row]) -> list[_Added]:
        execute = self._file.connection.execute
        added: list[_Added] = []
        execute("BEGIN IMMEDIATE")
        try:
            for row in entries:
                if (before := self._next(row)) is not None:
                    added.append((row, before))
                    continue
                partition, entry, _, rows = row
                position = entry.position
                last = self._bound(_LAST, partition)
                if position > last:
                    execute(_ADD, _values(row))
                    added.append((row, last))
                elif execute(_ROWS_AT, (partition, position.pack())).fetchone() != (rows,):
                    raise Fenced(
                        f"the log's partition {partition} is at {last}:"
                        f" {position} comes too late, a newer producer has taken over"
                    )
            execute("COMMIT")
        finally:
            if self._file.connection.in_transaction:
                execute("ROLLBACK")
        return added

    async def read(
        self, partition: int, after: Position, max_rows: int, wait: float
    ) -> Sequence[Entry]:
        """Return the entries after a position; see the port."""
        seen = self._arrivals.count(partition)
        newest = self._newest[partition]
        found = newest.after(after, max_rows)
        if found:
            return found
        if found is None or wait <= 0:
            found = await self._run(lambda: self._after(partition, after, max_rows))
        if found or wait <= 0:
            return found
        await self._arrivals.wait(partition, seen, wait)
        self._arrivals.check_open()
        # Who waited in vain asks the file: another may have written to it.
        if found := newest.after(after, max_rows):
            return found
        return await self._run(lambda: self._after(partition, after, max_rows))

    def _after(self, partition: int, after: Position, max_rows: int) -> list[Entry]:
        found: list[Entry] = []
        total = 0
        cursor = self._file.connection.execute(_AFTER, (partition, after.pack()))
        try:
            for position, header, rows, count in cursor:
                total += count
                if total > max_rows and found:
                    break
                found.append(decode(partition, Position.unpack(position), header, rows))
        finally:
            cursor.close()  # an unfinished SELECT would hold back the WAL
        return found

    async def first(self, partition: int) -> Position:
        """Return the position of the oldest entry, ORIGIN if there is none."""
        return await self._run(lambda: self._bound(_FIRST, partition))

    async def last(self, partition: int) -> Position:
        """Return the position of the newest entry, ORIGIN if there is none."""
        return await self._run(lambda: self._bound(_LAST, partition))

    def _bound(self, query: str, partition: int) -> Position:
        (packed,) = self._file.connection.execute(query, (partition,)).fetchone()
        return ORIGIN if packed is None else Position.unpack(packed)

    async def tail(self, partition: int) -> Entry | None:
        """Return the newest entry that has rows."""
        return await self._run(lambda: self._tail(partition))

    def _tail(self, partition: int) -> Entry | None:
        found = self._file.connection.execute(_TAIL, (partition,)).fetchone()
        if found is None:
            return None
        position, header, rows = found
        return decode(partition, Position.unpack(position), header, rows)

    async def trim(self, partition: int, before: Position) -> None:
        """Forget entries before a position, never the newest with rows (nor the newest of all)."""
        try:
            while await self._run(lambda: self._trim(partition, before)):
                pass
        finally:
            self._newest[partition].forget()

    def _trim(self, partition: int, before: Position) -> bool:
        """Forget some; return whether there are more."""
        tail = self._tail(partition)
        keep = tail.position if tail else self._bound(_LAST, partition)
        end = min(before, keep).pack()
        more = self._file.connection.execute(_NEXT, (partition, end, _AT_ONCE)).fetchone()
        self._file.connection.execute(_TRIM, (partition, more[0] if more else end))
        return more is not None

    async def size(self) -> int:
        """Return the bytes of the pages in use. Those of trimmed entries are used again."""
        return await self._run(self._size)

    def _size(self) -> int:
        pages, free, size = (
            self._file.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    async def close(self) -> None:
        """End the waits of readers, finish what was begun, close the file."""
        if self._arrivals.closed:
            return
        self._arrivals.close()
        await self._file.close()

    async def _run(self, work: Callable[[], T]) -> T:
        self._arrivals.check_open()
        return await self._file.run(work)


def _values(row: _Row) -> tuple[int, int, int, bytes, bytes]:
    """Return an entry's columns, in the order of the table."""
    partition, entry, header, rows = row
    return partition, entry.position.pack(), len(entry.rows), header, rows
