"""What waits for a SQLite file is written together, and nobody's failure is another's."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.stores.sqlite_file import SqliteFile
from whispr_daemon.domain.errors import Fatal

_NORMAL, _FULL = 1, 2  # what SQLite calls how it syncs


class Pen:
    """A file with a table of numbers."""

    def __init__(self, file: SqliteFile) -> None:
        self.file = file
        self.commits = 0

    def seen(self, statement: str) -> None:
        """Count transactions that became durable."""
        self.commits += statement == "COMMIT"

    def note(self, number: int) -> None:
        """Write a number; one that is there is refused."""
        self.file.connection.execute("INSERT INTO number VALUES (?)", (number,))

    async def numbers(self) -> list[int]:
        """Return what is written."""
        rows = await self.file.read(
            lambda: self.file.connection.execute("SELECT n FROM number ORDER BY n").fetchall()
        )
        return [row["n"] for row in rows]

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the thread from all that is asked meanwhile."""
        begun, over = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def hold() -> None:
            loop.call_soon_threadsafe(begun.set)
            over.wait()

        holding = asyncio.create_task(self.file.write(hold))
        await begun.wait()
        yield
        await SYSTEM_CLOCK.sleep(0)  # what was asked for is waiting now
        over.set()
        await holding


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Pen]:
    """Yield a file that is open."""
    file = await SqliteFile.open(folder / "store.db")
    await file.write(lambda: file.connection.execute("CREATE TABLE number (n INTEGER UNIQUE)"))
    pen = Pen(file)
    await file.write(lambda: file.connection.set_trace_callback(pen.seen))
    try:
        yield pen
    finally:
        await file.close()


def asked(pen: Pen, *works: Callable[[], object]) -> "list[asyncio.Task[object]]":
    """Ask for all, at once."""
    return [asyncio.create_task(pen.file.write(work)) for work in works]


async def test_what_waits_is_written_in_one_transaction(tmp_path: Path) -> None:
    async with opened(tmp_path) as pen:
        async with pen.held():
            before = pen.commits
            tasks = asked(pen, *(lambda n=n: pen.note(n) for n in range(20)))
        await asyncio.gather(*tasks)
        assert pen.commits - before == 2  # of who held it, and of all others
        assert await pen.numbers() == list(range(20))


async def test_who_fails_is_undone_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as pen:

        def half() -> None:
            pen.note(7)
            raise ValueError("no")

        def twice() -> None:
            pen.note(8)
            pen.note(1)

        async with pen.held():
            tasks = asked(pen, lambda: pen.note(1), half, twice, lambda: pen.note(2))
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in told] == [type(None), ValueError, Fatal, type(None)]
        assert "UNIQUE" in str(told[2])
        assert await pen.numbers() == [1, 2]


async def test_where_all_is_undone_nobody_is_told_that_it_is_durable(tmp_path: Path) -> None:
    async with opened(tmp_path) as pen:

        def as_a_full_disk_does() -> None:
            pen.file.connection.execute("ROLLBACK")
            raise sqlite3.OperationalError("disk full")

        async with pen.held():
            tasks = asked(pen, lambda: pen.note(1), as_a_full_disk_does, lambda: pen.note(2))
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert ["disk full" in str(each) for each in told] == [True] * 3
        await pen.file.write(lambda: pen.note(3))
        assert await pen.numbers() == [3]


async def test_who_reads_sees_what_was_asked_for_before_and_nothing_of_what_comes_after(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as pen:
        async with pen.held():
            first = asked(pen, lambda: pen.note(1))
            seen = asyncio.create_task(pen.numbers())
            await SYSTEM_CLOCK.sleep(0)
            last = asked(pen, lambda: pen.note(2))
        await asyncio.gather(*first, *last)
        assert await seen == [1]


async def test_who_is_cancelled_while_it_waits_writes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as pen:
        async with pen.held():
            one, two = asked(pen, lambda: pen.note(1), lambda: pen.note(2))
            await SYSTEM_CLOCK.sleep(0)
            one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        await two
        assert await pen.numbers() == [2]


async def test_what_waits_when_the_file_is_closed_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as pen:
        async with pen.held():
            (task,) = asked(pen, lambda: pen.note(1))
            await SYSTEM_CLOCK.sleep(0)
            closing = asyncio.create_task(pen.file.close())
            await SYSTEM_CLOCK.sleep(0)
        await task
        await closing
    found = sqlite3.connect(tmp_path / "store.db").execute("SELECT n FROM number").fetchall()
    assert found == [(1,)]


async def test_who_breaks_the_connection_leaves_nobody_waiting(tmp_path: Path) -> None:
    file = await SqliteFile.open(tmp_path / "store.db")
    pen = Pen(file)

    def breaks() -> None:
        file.connection.close()
        raise ValueError("no")

    async with asyncio.timeout(10), pen.held():
        tasks = asked(pen, breaks, lambda: pen.note(1))
    async with asyncio.timeout(10):
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert ["closed database" in str(each) for each in told] == [True, True]
        with pytest.raises(Fatal, match="closed database"):
            await pen.numbers()
    await file.close()


async def test_only_what_need_not_be_synced_and_comes_alone_is_not(tmp_path: Path) -> None:
    async with opened(tmp_path) as pen:

        def level() -> int:
            (found,) = pen.file.connection.execute("PRAGMA synchronous").fetchone()
            return int(found)

        async with pen.held():
            together = [
                asyncio.create_task(pen.file.write(level, synced=synced))
                for synced in (False, True, False)
            ]

        assert [await each for each in together] == [_FULL] * 3
        assert await pen.file.write(level, synced=False) == _NORMAL
        assert await pen.file.write(level) == _FULL
