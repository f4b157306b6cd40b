"""The market log in one SQLite file: one process, one connection, one thread."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final, Self, TypeAlias, TypeVar

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.logs.arrivals import Arrivals
from whispr_daemon.adapters.logs.newest import Newest
from whispr_daemon.adapters.logs.wire import FORMAT, decode, encode_header, encode_rows
from whispr_daemon.domain.errors import Fatal, Fenced, SettingsError, Transient
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry

T = TypeVar("T")
_Row: TypeAlias = tuple[int, Position, int, bytes, bytes]  # partition, place, count, header, rows
_Added: TypeAlias = tuple[_Row, Position]  # and what its partition ended with before

_PATIENCE_SECONDS: Final = 2.0  # for a lock somebody else (a backup, a shell) holds
_AT_ONCE: Final = 64  # entries trimmed in one transaction, so that an append waits for no more
_WAL_BYTES: Final = 64 * 2**20  # what is left of the write-ahead log after it was larger
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

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        worker: ThreadPoolExecutor,
        arrivals: Arrivals,
        partitions: int,
    ) -> None:
        """Use :meth:`open`."""
        self._path = path
        self._connection = connection
        self._worker = worker
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
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="market-log")
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(worker, _connect, path, partitions, readonly)
        except BaseException:
            worker.shutdown(wait=False)
            raise
        return cls(path, connection, worker, Arrivals(partitions, clock), partitions)

    @property
    def partitions(self) -> int:
        """The number of partitions, fixed when the file was created."""
        return self._partitions

    async def append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Append all in one transaction; see the port."""
        rows = [
            (partition, entry.position, len(entry.rows), encode_header(entry), encode_rows(entry))
            for partition, entry in entries
        ]
        work = self._submit(lambda: self._append(rows))
        # Also when this caller is cancelled meanwhile, readers are told once it is durable.
        work.add_done_callback(lambda done: self._appended(done, {row[0] for row in rows}))
        await asyncio.shield(work)

    def _appended(self, done: asyncio.Future[list[_Added]], partitions: set[int]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        for (partition, position, _, header, body), before in done.result():
            self._newest[partition].add(decode(partition, position, header, body), before)
        self._arrivals.announce(partitions)

    def _append(self, entries: Sequence[_Row]) -> list[_Added]:
        """Append what is not there yet, and return it.

        Each statement is a moment at which a busy loop may keep this thread waiting; one that comes
        alone is a transaction of its own.
        """
        alone = self._next(entries[0]) if len(entries) == 1 else None
        added = self._transact(entries) if alone is None else [(entries[0], alone)]
        self._ends.update((row[0], row[1]) for row, _ in added)
        return added

    def _next(self, row: _Row) -> Position | None:
        """Append one if its partition ends as it did; return that, None: it was not appended."""
        partition, position, *rest = row
        end = self._ends.get(partition)
        if end is None or position <= end:
            return None
        values = (partition, position.pack(), *rest, end.pack())
        return end if self._connection.execute(_ADD_NEXT, values).rowcount else None

    def _transact(self, entries: Sequence[_Row]) -> list[_Added]:
        execute = self._connection.execute
        added: list[_Added] = []
        execute("BEGIN IMMEDIATE")
        try:
            for row in entries:
                if (before := self._next(row)) is not None:
                    added.append((row, before))
                    continue
                partition, position, count, header, rows = row
                last = self._bound(_LAST, partition)
                if position > last:
                    execute(_ADD, (partition, position.pack(), count, header, rows))
                    added.append((row, last))
                elif execute(_ROWS_AT, (partition, position.pack())).fetchone() != (rows,):
                    raise Fenced(
                        f"the log's partition {partition} is at {last}:"
                        f" {position} comes too late, a newer producer has taken over"
                    )
            execute("COMMIT")
        finally:
            if self._connection.in_transaction:
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
        cursor = self._connection.execute(_AFTER, (partition, after.pack()))
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
        (packed,) = self._connection.execute(query, (partition,)).fetchone()
        return ORIGIN if packed is None else Position.unpack(packed)

    async def tail(self, partition: int) -> Entry | None:
        """Return the newest entry that has rows."""
        return await self._run(lambda: self._tail(partition))

    def _tail(self, partition: int) -> Entry | None:
        found = self._connection.execute(_TAIL, (partition,)).fetchone()
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
        more = self._connection.execute(_NEXT, (partition, end, _AT_ONCE)).fetchone()
        self._connection.execute(_TRIM, (partition, more[0] if more else end))
        return more is not None

    async def size(self) -> int:
        """Return the bytes of the pages in use. Those of trimmed entries are used again."""
        return await self._run(self._size)

    def _size(self) -> int:
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    async def close(self) -> None:
        """End the waits of readers, finish what was begun, close the file."""
        if self._arrivals.closed:
            return
        self._arrivals.close()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._worker, self._connection.close)
        self._worker.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._submit(work)

    def _submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        self._arrivals.check_open()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._worker.submit(self._do, work, loop, answer)
        return answer

    def _do(
        self, work: Callable[[], T], loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T]
    ) -> None:
        """Work in the thread, and let the loop have what came of it.

        A loop's own way to do so takes twice as long, and looks at each function for coroutines.
        """
        if answer.cancelled():
            return
        try:
            told = partial(_found, answer, self._translated(work))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            told = partial(_failed, answer, error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(told)

    def _translated(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.OperationalError as error:  # locked, disk full, I/O error
            raise Transient(f"market log {self._path}: {error}") from error
        except sqlite3.Error as error:
            raise Fatal(f"market log {self._path}: {error}") from error


def _found(answer: asyncio.Future[T], found: T) -> None:
    if not answer.done():
        answer.set_result(found)


def _failed(answer: asyncio.Future[T], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def _connect(path: Path, partitions: int, readonly: bool) -> sqlite3.Connection:  # noqa: FBT001 (run_in_executor)
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}",
            uri=True,
            timeout=_PATIENCE_SECONDS,
            isolation_level=None,
        )
    except sqlite3.Error as error:
        raise SettingsError(f"market log {path}: {error}") from error
    try:
        if not readonly:
            _prepare(connection, path, partitions)
        _check(connection, path, partitions)
    except sqlite3.Error as error:
        connection.close()
        raise SettingsError(
            f"market log {path}: {error}; it must be a file of Whispr's in a folder it may write to"
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, partitions: int) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise SettingsError(
            f"market log {path}: its file system gives journal mode {mode!r}, not 'wal';"
            " the data folder must be on a local disk"
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        _create(connection, partitions)


def _check(connection: sqlite3.Connection, path: Path, partitions: int) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > FORMAT:
        raise SettingsError(
            f"market log {path}: written in format {version} by a newer Whispr;"
            f" this one knows formats up to {FORMAT}"
        )
    (created,) = connection.execute("SELECT partitions FROM about").fetchone()
    if created != partitions:
        raise SettingsError(
            f"market log {path}: created with {created} partitions, the settings ask for"
            f" {partitions}; the number is fixed for the life of a log"
        )


def _create(connection: sqlite3.Connection, partitions: int) -> None:
    schema = files("whispr_daemon.adapters.logs").joinpath("sqlite.sql").read_text("utf-8")
    connection.executescript(schema)  # may be half done by an attempt that died: IF NOT EXISTS
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO about (partitions) VALUES (?)", (partitions,))
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")
