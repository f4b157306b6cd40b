"""A SQLite file with its one connection and the one thread that uses it; failures named."""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

from whispr_daemon.adapters.stores.statements import read_migrations
from whispr_daemon.domain.errors import Fatal, SettingsError, Transient

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 5.0  # for a lock somebody else (a backup, a shell) holds
_WAL_BYTES: Final = 64 * 2**20  # what is left of the write-ahead log after it was larger
_AT_ONCE: Final = 128  # functions in one transaction, so that nobody waits long for the others
_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_PROTOCOL,
    }
)


class _Asked(NamedTuple):
    """A function to be run, and who waits for it."""

    work: Callable[[], Any]
    writes: bool
    synced: bool
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Any]"


class _Answer(NamedTuple):
    """What a function returned, or why it did not."""

    asked: _Asked
    found: Any
    error: BaseException | None = None


class SqliteFile:
    """Runs functions in its own thread, each in a transaction: whole, or not at all.

    What waits to write while others write becomes one transaction, as syncing it to disk takes
    longer than all else; one that fails is undone alone. Nobody is told anything before that
    transaction is durable. A caller that is cancelled stops waiting; what was begun ends whole.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, worker: ThreadPoolExecutor
    ) -> None:
        """Use :meth:`open`."""
        self.path = path
        self.connection = connection  # for functions given to `write` and `read` only
        self._worker = worker
        self._closed = False
        self._lock = threading.Lock()  # of the next two
        self._asked: deque[_Asked] = deque()
        self._busy = False  # the thread is at work, and looks for more when it is done
        self._syncs = True  # what the connection is set to
        self._alone = False  # the function that runs has the transaction for itself

    @classmethod
    async def open(cls, path: Path, *, readonly: bool = False) -> Self:
        """Open the file, bringing its tables up to date unless it is to be read only.

        Raises:
            SettingsError: it cannot be opened, is no SQLite file, or is of another version.
            Transient: somebody else holds its lock.
        """
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(worker, _connect, path, readonly)
        except BaseException:
            worker.shutdown(wait=False)
            raise
        return cls(path, connection, worker)

    async def write(self, work: Callable[[], T], *, synced: bool = True) -> T:
        """Return ``work()``, run while nobody else writes; what it raises undoes it.

        What is not ``synced`` outlives this process at once, the machine with the next that is.
        """
        return await self._ask(work, writes=True, synced=synced)

    async def read(self, work: Callable[[], T]) -> T:
        """Return ``work()``, run on the file as it is at one moment."""
        return await self._ask(work, writes=False, synced=False)

    def undo(self) -> None:
        """Undo what the function that runs has written so far. For functions that write only."""
        if self._alone:
            self.connection.execute("ROLLBACK")
            self.connection.execute("BEGIN IMMEDIATE")
        else:
            self.connection.execute("ROLLBACK TO one")

    async def close(self) -> None:
        """Let the file go, after the transaction under way; harmless if repeated."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._worker, self.connection.close)
        self._worker.shutdown(wait=False)

    async def _ask(self, work: Callable[[], T], *, writes: bool, synced: bool) -> T:
        if self._closed:
            raise Fatal(f"the store {self.path} is closed")
        loop = asyncio.get_running_loop()
        asked = _Asked(work, writes, synced, loop, loop.create_future())
        with self._lock:
            self._asked.append(asked)
            idle, self._busy = not self._busy, True
        if idle:
            self._worker.submit(self._run)
        found: T = await asked.answer
        return found

    def _run(self) -> None:
        """Do, in the thread, what was asked for, until nothing is."""
        while some := self._next():
            answers = self._transact(some)
            for loop in {each.loop for each in some}:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_tell, [a for a in answers if a.asked.loop is loop])

    def _next(self) -> Sequence[_Asked]:
        """Return what was asked for first: one that reads, or those that write up to the next."""
        some: list[_Asked] = []
        with self._lock:
            while self._asked and len(some) < _AT_ONCE:
                if some and not (some[0].writes and self._asked[0].writes):
                    break
                asked = self._asked.popleft()
                if not asked.answer.cancelled():
                    some.append(asked)
            self._busy = bool(some)
        return some

    def _transact(self, some: Sequence[_Asked]) -> Sequence[_Answer]:
        try:
            return self._durable(some)
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            named = self._named(error)
            return [_Answer(each, None, named) for each in some]

    def _durable(self, some: Sequence[_Asked]) -> Sequence[_Answer]:
        """Run them in one transaction, which is durable then, if one of them is to be.

        Raises:
            BaseException: whatever undid all of it, also what kept it from being undone.
        """
        try:
            if not some[0].writes:
                self.connection.execute("BEGIN")
                answers = [_Answer(some[0], some[0].work())]
            else:
                self._sync(any(each.synced for each in some))
                self.connection.execute("BEGIN IMMEDIATE")
                # Each statement is a moment at which a busy loop may keep the thread waiting.
                self._alone = len(some) == 1
                if self._alone:
                    answers = [_Answer(some[0], some[0].work())]
                else:
                    answers = [self._written(each) for each in some]
            self.connection.commit()
        except BaseException:
            _roll_back(self.connection)
            raise
        return answers

    def _sync(self, wanted: bool) -> None:  # noqa: FBT001
        """Let the next transaction be synced to disk, or not."""
        if wanted != self._syncs:
            self.connection.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._syncs = wanted

    def _written(self, asked: _Asked) -> _Answer:
        """Run one of those that write; where it fails it is undone alone.

        Raises:
            sqlite3.Error: SQLite undid the others, too.
        """
        self.connection.execute("SAVEPOINT one")
        try:
            answer = _Answer(asked, asked.work())
        except Exception as error:
            if not self.connection.in_transaction:
                raise
            self.undo()
            answer = _Answer(asked, None, self._named(error))
        self.connection.execute("RELEASE one")
        return answer

    def _named(self, error: BaseException) -> BaseException:
        if not isinstance(error, sqlite3.Error):
            return error
        named = translated(error, self.path)
        named.__cause__ = error
        return named


def _tell(answers: Sequence[_Answer]) -> None:
    for asked, found, error in answers:
        if asked.answer.done():
            continue
        if error is None:
            asked.answer.set_result(found)
        else:
            asked.answer.set_exception(error)


def _roll_back(connection: sqlite3.Connection) -> None:
    """End the transaction if there still is one: some failures have ended it already."""
    if connection.in_transaction:
        connection.rollback()


def _connect(path: Path, readonly: bool) -> sqlite3.Connection:  # noqa: FBT001 (run_in_executor)
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}",
            uri=True,
            timeout=_PATIENCE_SECONDS,
            isolation_level=None,  # transactions begin where we say so
        )
        try:
            connection.row_factory = sqlite3.Row
            if readonly:
                _check_version(connection, path)
            else:
                _make_safe(connection, path)
                _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise _refused(error, path) from error
    return connection


def _make_safe(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    connection.execute("PRAGMA synchronous = FULL")  # per connection: WAL alone syncs too rarely
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise SettingsError(
            f"{path} cannot have a write-ahead log (its journal mode is {mode}); "
            "put the data folder on a local disk"
        )


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    if read_migrations("sqlite", _version(connection), str(path)):
        raise SettingsError(
            f"{path} is of an older version; start the daemon on it once, that renews it"
        )


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date, one transaction a migration: each with its version, or none."""
    for number, script in read_migrations("sqlite", _version(connection), str(path)).items():
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
            )
        except BaseException:
            _roll_back(connection)
            raise


def translated(error: sqlite3.Error, path: Path) -> Transient | Fatal:
    """Say what the caller must do about a failure of an open file."""
    code = getattr(error, "sqlite_errorcode", None)
    named = f"{path}: {error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"
    if code is not None and code & 0xFF in _PASSING:  # the low byte: extended codes refine it
        return Transient(named)
    return Fatal(named)


def _refused(error: sqlite3.Error, path: Path) -> Transient | SettingsError:
    """Say why a file could not be opened."""
    named = translated(error, path)
    if isinstance(named, Transient):
        return named
    return SettingsError(
        f"cannot open the store {named}; it must be a file that Whispr made, in a folder "
        "that exists and this user may write to"
    )
