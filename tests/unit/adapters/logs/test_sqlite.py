"""The SQLite log's own matters: its file, its locks, its disk."""

# ruff: noqa: ASYNC240 - a test may wait for its own small files

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.logs import sqlite, sqlite_file
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.errors import Fatal, Fenced, SettingsError, Transient
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "_PATIENCE_SECONDS", 0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "market.sqlite"


@pytest.fixture
async def log(path: Path) -> AsyncIterator[SqliteEventLog]:
    log = await SqliteEventLog.open(path, 2)
    yield log
    await log.close()


def entry(seq: int, rows: int = 1, epoch: int = 1) -> Entry:
    return Entry(position=Position(epoch, seq), rows=empty_rows(rows))


async def kept(log: SqliteEventLog, partition: int = 0) -> list[str]:
    return [str(each.position) for each in await log.read(partition, ORIGIN, 1_000_000, 0)]


async def ask(log: SqliteEventLog, statement: str) -> object:
    """The one value a statement gives on the log's own connection."""
    return await log._run(lambda: log._file.connection.execute(statement).fetchone()[0])


async def test_every_commit_is_flushed_to_disk(log: SqliteEventLog) -> None:
    assert await ask(log, "PRAGMA journal_mode") == "wal"
    assert await ask(log, "PRAGMA synchronous") == 2  # FULL


async def test_one_refused_entry_refuses_the_whole_append(log: SqliteEventLog) -> None:
    await log.append([(0, entry(5))])
    with pytest.raises(Fenced):
        await log.append([(1, entry(1)), (0, entry(4))])
    assert (await kept(log, 0), await kept(log, 1)) == (["1-5"], [])


async def test_a_log_of_a_newer_whispr_is_refused(path: Path) -> None:
    await (await SqliteEventLog.open(path, 2)).close()
    tamper(path, "PRAGMA user_version = 99")
    with pytest.raises(SettingsError, match=r"market\.sqlite: written in format 99 by a newer"):
        await SqliteEventLog.open(path, 2)


async def test_a_creation_that_died_half_way_is_finished(path: Path) -> None:
    tamper(path, "CREATE TABLE about (partitions INTEGER NOT NULL)")
    log = await SqliteEventLog.open(path, 2)
    await log.append([(0, entry(1))])
    assert await kept(log) == ["1-1"]
    await log.close()


async def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.write_bytes(b"signals, signals, signals" * 100)
    with pytest.raises(SettingsError, match=r"market\.sqlite: file is not a database"):
        await SqliteEventLog.open(path, 2)


async def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere/market\.sqlite: unable to open"):
        await SqliteEventLog.open(tmp_path / "nowhere" / "market.sqlite", 2)


async def test_a_file_that_cannot_be_written_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(file: str, **_: object) -> sqlite3.Connection:
        return connect(file.replace("mode=rwc", "mode=ro"), uri=True, isolation_level=None)

    tamper(path, "CREATE TABLE other (a)")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", read_only)  # root may write whatever the mode bits say
    with pytest.raises(SettingsError, match=r"market\.sqlite: attempt to write a readonly"):
        await SqliteEventLog.open(path, 2)


async def test_while_somebody_else_holds_the_file_appends_are_to_be_repeated(
    log: SqliteEventLog, path: Path
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match=r"market\.sqlite: database is locked"):
        await log.append([(0, entry(1))])
    other.execute("ROLLBACK")
    other.close()
    await log.append([(0, entry(1))])
    assert await kept(log) == ["1-1"]


async def test_on_a_full_disk_nothing_is_half_written_and_it_goes_on_with_space(
    log: SqliteEventLog,
) -> None:
    await log.append([(0, entry(1))])
    limit = await ask(log, "PRAGMA max_page_count")
    await ask(log, "PRAGMA max_page_count = 20")
    with pytest.raises(Transient, match="full"):
        await log.append([(0, entry(2)), (0, entry(3, rows=100_000))])
    assert await kept(log) == ["1-1"]
    await ask(log, f"PRAGMA max_page_count = {limit}")
    await log.append([(0, entry(2)), (0, entry(3, rows=100_000))])
    assert await kept(log) == ["1-1", "1-2", "1-3"]


async def test_a_malformed_entry_is_named_with_partition_and_position(
    log: SqliteEventLog, path: Path
) -> None:
    await log.append([(1, entry(7))])
    tamper(path, "UPDATE entry SET header = x'00'")
    with pytest.raises(Fatal, match=r"partition 1, position 1-7: not an entry"):
        await log.read(1, ORIGIN, 10, 0)


async def test_readers_learn_of_an_append_whose_caller_was_cancelled(log: SqliteEventLog) -> None:
    reader = asyncio.create_task(log.read(0, ORIGIN, 10, 1000))
    await log.last(0)
    append = asyncio.create_task(log.append([(0, entry(1))]))
    await SystemClock().sleep(0)  # it has begun
    append.cancel()
    assert [str(each.position) for each in await reader] == ["1-1"]


@pytest.mark.parametrize("turns", [2, 4, 8, 16, 32])
async def test_a_log_whose_trim_was_cancelled_begins_where_it_says(
    log: SqliteEventLog, turns: int
) -> None:
    await log.append([(0, entry(seq)) for seq in range(1, 1001)])
    trim = asyncio.create_task(log.trim(0, Position(1, 1000)))
    for _ in range(turns):
        await log.size()  # one statement after the other: some is trimmed
    trim.cancel()
    await asyncio.wait({trim})
    first = await log.first(0)
    assert first > Position(1, 1)
    assert (await log.read(0, Position(1, 1), 1, 0))[0].position == first


async def test_all_partitions_share_the_room_in_memory(path: Path) -> None:
    log = await SqliteEventLog.open(path, 64)
    room = sqlite._NEWEST_BYTES
    rows = room // 64 // entry(1).rows.nbytes
    for seq in range(1, 4):
        await log.append([(partition, entry(seq, rows // 2)) for partition in range(64)])
    assert room // 2 < sum(each.bytes for each in log._newest) <= room
    await log.close()


def tamper(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()
