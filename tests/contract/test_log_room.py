"""What a log takes, and that trimming makes room: over memory, SQLite and Redis."""

from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from whispr_daemon.adapters.logs import sqlite_file
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.adapters.logs.redis import RedisEventLog
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.redis_link import RedisLink
from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry, EventLog

ROWS = 200  # of an entry
COUNT = 300  # entries: more than SQLite trims in one transaction


def entry(seq: int, epoch: int = 1) -> Entry:
    rows = empty_rows(ROWS)
    rows["ts"] = seq * 1_000 + np.arange(ROWS)
    rows["close"] = np.random.default_rng(seq).normal(size=ROWS)
    return Entry(position=Position(epoch, seq), offset=seq * ROWS, rows=rows)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    """The server's, where there is one. Not asked for in a loop: starting it runs one."""
    return str(request.getfixturevalue("valkey_url")) if kind == "redis" else ""


@pytest.fixture
async def log(
    kind: str, url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[EventLog]:
    made: EventLog
    if kind == "memory":
        made = MemoryEventLog(2)
    elif kind == "sqlite":
        made = await SqliteEventLog.open(tmp_path / "market.sqlite", 2)
    else:
        made = await RedisEventLog.open(url, "", request.node.nodeid, 2)
    yield made
    await made.close()


async def fill(log: EventLog, first: int, count: int, partition: int = 0) -> None:
    """Append so many entries, in runs as ingest makes them."""
    for start in range(first, first + count, 50):
        run = range(start, min(start + 50, first + count))
        await log.append([(partition, entry(seq)) for seq in run])


async def seqs(log: EventLog, partition: int = 0) -> list[int]:
    found = []
    after = ORIGIN
    while read := await log.read(partition, after, 10_000, 0.0):
        found += [each.position.seq for each in read]
        after = read[-1].position
    return found


async def test_the_size_is_about_that_of_the_rows_of_all_partitions(log: EventLog) -> None:
    empty = await log.size()
    await fill(log, 1, COUNT)
    one = await log.size()
    await fill(log, 1, COUNT, partition=1)

    rows = entry(1).rows.nbytes * COUNT
    assert rows * 0.9 < one - empty < rows * 1.6
    assert rows * 1.9 < await log.size() - empty < rows * 3.2


@pytest.mark.parametrize(
    "sizes",
    [(2_000,) * 20 + (1,) * 2_000, (1,) * 2_000 + (2_000,) * 20],
    ids=["large first", "small first"],
)
async def test_the_size_is_that_in_memory_however_the_sizes_of_entries_change(
    valkey_url: str, sizes: Sequence[int]
) -> None:
    prefix = f"room {sizes[0]}"
    log = await RedisEventLog.open(valkey_url, "", prefix, 1)
    link = await RedisLink.open(valkey_url, "")
    entries = [
        Entry(
            position=Position(1, seq),
            source="file",
            marks={"file": end, "rules": 3},
            offset=end,
            ts_ingest=1_700_000_000 * 10**9,
            rows=empty_rows(size),
        )
        for seq, (size, end) in enumerate(zip(sizes, accumulate(sizes), strict=True), start=1)
    ]
    fence = Entry(position=Position(1, 0), rows=empty_rows(0))
    await log.append([(0, each) for each in (fence, *entries)])
    await assert_reckoned(log, link, prefix)

    await log.trim(0, Position(1, 15))
    await assert_reckoned(log, link, prefix)
    await log.trim(0, Position(1, 1_000))
    await assert_reckoned(log, link, prefix)
    await log.close()
    await link.close()


async def assert_reckoned(log: RedisEventLog, link: RedisLink, prefix: str) -> None:
    """The server, asked to look at every entry, says about the same."""
    command = ("MEMORY", "USAGE", f"{prefix}:market:0", "SAMPLES", 0)
    taken = await link.call(command, int)
    assert taken * 0.5 < await log.size() < taken * 2


async def test_trimming_far_makes_the_log_small_and_leaves_the_rest(log: EventLog) -> None:
    await fill(log, 1, COUNT)
    await fill(log, 1, 5, partition=1)
    full = await log.size()

    await log.trim(0, Position(1, COUNT - 9))

    assert await seqs(log) == list(range(COUNT - 9, COUNT + 1))
    assert await seqs(log, 1) == [1, 2, 3, 4, 5]
    assert await log.size() < full * 0.2
    assert await log.first(0) == Position(1, COUNT - 9)
    tail = await log.tail(0)
    assert tail is not None
    assert tail.offset == COUNT * ROWS


async def test_a_trimmed_log_refuses_what_it_refused_before(log: EventLog) -> None:
    await fill(log, 1, 20)
    await log.trim(0, Position(1, 15))

    with pytest.raises(Fenced):
        await log.append([(0, entry(3))])
    await log.append([(0, entry(20))])  # an append sent again
    await fill(log, 21, 1)
    assert await seqs(log) == list(range(15, 22))


async def test_a_reader_that_stands_before_what_was_trimmed_goes_on_after_it(
    log: EventLog,
) -> None:
    await fill(log, 1, 20)
    await log.trim(0, Position(1, 15))
    read = await log.read(0, Position(1, 4), 3 * ROWS, 0.0)
    assert [each.position.seq for each in read] == [15, 16, 17]


async def test_a_position_between_two_entries_trims_all_before_it(log: EventLog) -> None:
    await log.append([(0, entry(seq)) for seq in (2, 4, 6)])
    await log.trim(0, Position(1, 5))
    assert await seqs(log) == [6]


async def test_a_write_ahead_log_that_was_large_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_WAL_BYTES", 2**20)
    file = tmp_path / "market.sqlite"
    log = await SqliteEventLog.open(file, 1)
    held = file.with_name("market.sqlite-wal")
    await log.append([(0, entry(seq)) for seq in range(1, 400)])  # in one transaction
    assert held.stat().st_size > 4 * 2**20
    await fill(log, 400, 2)
    assert held.stat().st_size <= 2**20
    await log.close()


async def test_a_file_that_is_trimmed_all_the_time_does_not_grow(tmp_path: Path) -> None:
    file = tmp_path / "market.sqlite"
    log = await SqliteEventLog.open(file, 1)
    sizes = []
    for turn in range(12):
        await fill(log, 1 + turn * 100, 100)
        await log.trim(0, Position(1, 1 + turn * 100))
        sizes.append(file.stat().st_size)
    held = file.with_name("market.sqlite-wal").stat().st_size
    await log.close()

    assert max(sizes[6:]) <= max(sizes[:6]), "room that was freed is used again"
    assert held < 16 * 2**20
