"""The file of a SQLite log: its one connection and the one thread that uses it; failures named."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from whispr_daemon.adapters.logs.wire import FORMAT
from whispr_daemon.domain.errors import Fatal, SettingsError, Transient

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 2.0  # for a lock somebody else (a backup, a shell) holds
_WAL_BYTES: Final = 64 * 2**20  # what is left of the write-ahead log after it was larger


class LogFile:
    """Runs functions in its own thread, one after the other. Made by :meth:`open`.

    A caller that is cancelled stops waiting; what was begun ends whole.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, worker: ThreadPoolExecutor
    ) -> None:
        """Use :meth:`open`."""
        self.connection = connection  # for functions that are run here only
        self._path, self._worker = path, worker

    @classmethod
    async def open(cls, path: Path, partitions: int, *, readonly: bool) -> Self:
        """Open the file, making it (not its folder) if there is none; errors as of the log."""
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="market-log")
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(worker, _connect, path, partitions, readonly)
        except BaseException:
            worker.shutdown(wait=False)
            raise
        return cls(path, connection, worker)

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Return what will be ``work()``; it is passed over where nobody waits for it any more."""
        return self._submit(work, None)

    def run_through(self, work: Callable[[], T], then: Callable[[T], None]) -> asyncio.Future[T]:
        """Return what will be ``work()``, also where nobody waits for it any more.

        ``then`` is given what came of it, on the loop, right before whoever waits.
        """
        return self._submit(work, then)

    def _submit(self, work: Callable[[], T], then: Callable[[T], None] | None) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._worker.submit(self._do, work, then, loop, answer)
        return answer

    async def close(self) -> None:
        """Finish what was begun, close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._worker, self.connection.close)
        self._worker.shutdown(wait=False)

    def _do(
        self,
        work: Callable[[], T],
        then: Callable[[T], None] | None,
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[T],
    ) -> None:
        """Work in the thread, and let the loop have what came of it.

        A loop's own way to do so takes twice as long, and looks at each function for coroutines.
        """
        if then is None and answer.cancelled():
            return
        told: Callable[[], Any]
        try:
            told = partial(_found, answer, self._translated(work), then)
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


def _found(answer: asyncio.Future[T], found: T, then: Callable[[T], None] | None) -> None:
    if then is not None:
        then(found)
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
