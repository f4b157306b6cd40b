"""What every market log promises, over memory, SQLite and Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import NoReturn, TypeAlias

import numpy as np
import pytest

from whispr_daemon.adapters.clock import ManualClock, SystemClock
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.adapters.logs.redis import RedisEventLog
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.domain.batch import EVENT_DTYPE, empty_rows
from whispr_daemon.domain.errors import Fenced, SettingsError, Transient
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry, EventLog

Open: TypeAlias = Callable[[int], Awaitable[EventLog]]
A_LONG_WAIT = 1000.0  # never sat out: what fails to end it ends at the time limit of the test
A_SHORT_WAIT = 0.01


def entry(epoch: int, seq: int, rows: int = 1) -> Entry:
    """An entry whose rows say where they belong; NaN among them, as no volume may be known."""
    made = empty_rows(rows)
    made["ts"] = epoch * 1_000_000 + seq * 1000 + np.arange(rows)
    made["volume"] = float("nan")
    return Entry(position=Position(epoch, seq), rows=made)


def fence(epoch: int) -> Entry:
    return entry(epoch, 0, rows=0)


def positions(entries: Sequence[Entry]) -> list[str]:
    return [str(each.position) for each in entries]


async def fill(log: EventLog, *entries: Entry, partition: int = 0) -> None:
    await log.append([(partition, each) for each in entries])


async def everything(log: EventLog, partition: int = 0) -> list[str]:
    return positions(await log.read(partition, ORIGIN, 1_000_000, 0))


@pytest.fixture(params=["memory", "sqlite", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    """The server's, where there is one. Not asked for in a loop: starting it runs one."""
    return str(request.getfixturevalue("valkey_url")) if kind == "redis" else ""


@pytest.fixture
async def reopen(
    kind: str, url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Open]:
    """Opens the test's log, once more at each call. Memory has one log that stays open."""
    opened: list[EventLog] = []

    async def make(partitions: int) -> EventLog:
        log: EventLog
        if kind == "memory":
            log = opened[0] if opened else MemoryEventLog(partitions)
        elif kind == "sqlite":
            log = await SqliteEventLog.open(tmp_path / "market.sqlite", partitions)
        else:
            log = await RedisEventLog.open(url, "", request.node.nodeid, partitions)
        opened.append(log)
        return log

    yield make
    for log in opened:
        await log.close()


@pytest.fixture
async def log(reopen: Open) -> EventLog:
    return await reopen(2)


class TestEnd:
    """Who is ended in the middle of a call is ended: not one more try."""

    @pytest.mark.parametrize("doing", ["size", "append"])
    async def test_who_calls_again_and_again_is_ended_wherever_it_is(
        self, log: EventLog, doing: str
    ) -> None:
        numbers = count(1)

        async def go_on() -> NoReturn:
            while True:
                await (log.size() if doing == "size" else fill(log, entry(1, next(numbers))))
                await turn()  # memory does not wait for anything

        for turns in range(60):
            task = asyncio.create_task(go_on())
            for _ in range(turns):
                await turn()
            task.cancel()
            await asyncio.wait({task}, timeout=30)
            assert task.cancelled(), f"ended after {turns} turns of the loop, it goes on"


class TestAppend:
    """Durable, idempotent, fenced."""

    async def test_entries_are_read_in_the_order_of_their_positions(self, log: EventLog) -> None:
        await fill(log, entry(1, 1), entry(1, 2))
        await fill(log, entry(2, 1))
        assert await everything(log) == ["1-1", "1-2", "2-1"]

    async def test_partitions_are_independent(self, log: EventLog) -> None:
        await log.append([(0, entry(1, 1)), (1, entry(1, 7)), (0, entry(1, 2))])
        assert await everything(log, 0) == ["1-1", "1-2"]
        assert await everything(log, 1) == ["1-7"]

    async def test_what_was_appended_comes_back_whole(self, log: EventLog) -> None:
        rows = empty_rows(3)
        rows["ts"], rows["instrument"], rows["kind"] = [1, 2, 3], [7, 8, 0xFFFFFFFF], [1, 2, 4]
        rows["flags"], rows["timeframe"], rows["close"] = 2, 6, [1.5, -0.0, float("inf")]
        given = Entry(
            position=Position(3, 9),
            source="spy.csv",
            marks={"spy.csv": 12, "vix.csv": 2**60},
            offset=2**40,
            ts_ingest=1_700_000_000_000_000_001,
            rows=rows,
        )
        await fill(log, given)
        (found,) = await log.read(0, ORIGIN, 10, 0)
        assert found.rows.tobytes() == rows.tobytes()
        assert found.rows.dtype == EVENT_DTYPE
        assert (found.position, found.source, found.marks, found.offset, found.ts_ingest) == (
            *(given.position, given.source, given.marks),
            *(given.offset, given.ts_ingest),
        )

    async def test_rows_read_cannot_be_written(self, log: EventLog) -> None:
        await fill(log, entry(1, 1))
        (found,) = await log.read(0, ORIGIN, 10, 0)
        with pytest.raises(ValueError, match="read-only"):
            found.rows["ts"] = 0

    async def test_the_appender_may_reuse_its_buffer(self, log: EventLog) -> None:
        given = entry(1, 1)
        await fill(log, given)
        given.rows["ts"] = -1
        (found,) = await log.read(0, ORIGIN, 10, 0)
        assert found.rows["ts"][0] != -1

    async def test_an_entry_already_there_is_passed_over(self, log: EventLog) -> None:
        await fill(log, entry(1, 1), entry(1, 2))
        await fill(log, entry(1, 1), entry(1, 2), entry(1, 3))
        assert await everything(log) == ["1-1", "1-2", "1-3"]

    async def test_other_rows_at_a_position_taken_are_refused(self, log: EventLog) -> None:
        await fill(log, entry(1, 1, rows=1))
        with pytest.raises(Fenced, match=r"partition 0 is at 1-1: 1-1 comes too late"):
            await fill(log, entry(1, 1, rows=2))
        assert await everything(log) == ["1-1"]

    async def test_after_a_newer_producers_fence_an_older_one_is_refused(
        self, log: EventLog
    ) -> None:
        await fill(log, fence(1), entry(1, 1))
        await fill(log, fence(2))
        with pytest.raises(Fenced, match=r"partition 0 is at 2-0: 1-2 comes too late"):
            await fill(log, entry(1, 2))
        await fill(log, entry(2, 1))
        assert await everything(log) == ["1-0", "1-1", "2-0", "2-1"]

    async def test_a_zombie_repeating_what_is_there_does_no_harm(self, log: EventLog) -> None:
        await fill(log, entry(1, 1), fence(2))
        await fill(log, entry(1, 1))
        assert await everything(log) == ["1-1", "2-0"]

    async def test_what_followed_a_repeated_entry_is_read_between_it_and_the_next(
        self, reopen: Open
    ) -> None:
        await fill(await reopen(1), entry(1, 1), entry(1, 2))
        log = await reopen(1)
        await fill(log, entry(1, 1))
        await fill(log, entry(1, 3))
        assert positions(await log.read(0, Position(1, 1), 10, 0)) == ["1-2", "1-3"]

    async def test_what_another_handle_appended_is_read_between_ones_own(
        self, reopen: Open
    ) -> None:
        log, other = await reopen(1), await reopen(1)
        await fill(log, entry(1, 1))
        await fill(other, fence(2), entry(2, 1))
        await fill(log, fence(3))
        assert positions(await log.read(0, Position(1, 1), 10, 0)) == ["2-0", "2-1", "3-0"]

    async def test_nothing_to_append_is_no_error(self, log: EventLog) -> None:
        await log.append([])


class TestRead:
    """In order, in portions, waiting where there is nothing."""

    async def test_reading_starts_after_the_position(self, log: EventLog) -> None:
        await fill(log, *(entry(1, seq) for seq in range(1, 5)))
        assert positions(await log.read(0, Position(1, 2), 10, 0)) == ["1-3", "1-4"]

    async def test_it_stops_before_the_entry_that_would_pass_the_limit(self, log: EventLog) -> None:
        await fill(log, entry(1, 1, rows=3), entry(1, 2, rows=3), entry(1, 3, rows=3))
        assert positions(await log.read(0, ORIGIN, 6, 0)) == ["1-1", "1-2"]
        assert positions(await log.read(0, ORIGIN, 8, 0)) == ["1-1", "1-2"]

    async def test_the_first_entry_comes_even_if_it_passes_the_limit(self, log: EventLog) -> None:
        await fill(log, entry(1, 1, rows=5), entry(1, 2))
        assert positions(await log.read(0, ORIGIN, 2, 0)) == ["1-1"]

    async def test_fences_are_read_like_entries(self, log: EventLog) -> None:
        await fill(log, fence(1), entry(1, 1, rows=2), fence(2))
        assert positions(await log.read(0, ORIGIN, 3, 0)) == ["1-0", "1-1", "2-0"]

    @pytest.mark.parametrize("sizes", [[1] * 2500, [700] * 12, [1, 900] * 40])
    async def test_limits_hold_however_rows_are_cut_into_entries(
        self, log: EventLog, sizes: list[int]
    ) -> None:
        await fill(log, *(entry(1, n, rows) for n, rows in enumerate(sizes, 1)))
        read, after = 0, ORIGIN
        while batch := await log.read(0, after, 1000, 0):
            assert [each.position.seq for each in batch] == [
                after.seq + n for n in range(1, len(batch) + 1)
            ]
            rows = sum(len(each.rows) for each in batch)
            following = sizes[read + len(batch) : read + len(batch) + 1]
            assert rows <= 1000
            assert not following or rows + following[0] > 1000, "it could have taken one more"
            read, after = read + len(batch), batch[-1].position
        assert read == len(sizes)

    async def test_with_nothing_to_read_and_no_wait_it_returns_at_once(self, log: EventLog) -> None:
        assert list(await log.read(0, ORIGIN, 10, 0)) == []

    async def test_with_nothing_to_read_it_returns_empty_after_the_wait(
        self, log: EventLog
    ) -> None:
        assert list(await log.read(0, ORIGIN, 10, A_SHORT_WAIT)) == []

    async def test_an_append_wakes_every_reader_that_waits(self, log: EventLog) -> None:
        readers = [asyncio.create_task(log.read(0, ORIGIN, 10, A_LONG_WAIT)) for _ in range(3)]
        await other_tasks_turn(log)
        await fill(log, entry(1, 1))
        assert [positions(each) for each in await asyncio.gather(*readers)] == [["1-1"]] * 3

    async def test_an_append_to_another_partition_gives_a_reader_nothing(
        self, log: EventLog
    ) -> None:
        reader = asyncio.create_task(log.read(0, ORIGIN, 10, 10 * A_SHORT_WAIT))
        await other_tasks_turn(log)
        await fill(log, entry(1, 1), partition=1)
        assert list(await reader) == []

    async def test_appends_right_behind_each_other_are_all_seen(self, log: EventLog) -> None:
        async def follow() -> list[str]:
            seen: list[str] = []
            while len(seen) < 20:
                after = Position.parse(seen[-1]) if seen else ORIGIN
                seen += positions(await log.read(0, after, 10, A_LONG_WAIT))
            return seen

        reader = asyncio.create_task(follow())
        for seq in range(1, 21):
            await fill(log, entry(1, seq))
        assert await reader == [f"1-{seq}" for seq in range(1, 21)]


class TestCancellation:
    """Whoever stops waiting harms nobody who goes on."""

    async def test_a_cancelled_wait_leaves_no_harm(self, log: EventLog) -> None:
        for seq in range(1, 4):
            reader = asyncio.create_task(log.read(0, Position(1, seq - 1), 10, A_LONG_WAIT))
            await other_tasks_turn(log)
            reader.cancel()
            await asyncio.wait([reader])
            assert reader.cancelled()
            await fill(log, entry(1, seq))
            assert positions(await log.read(0, Position(1, seq - 1), 10, 0)) == [f"1-{seq}"]

    @pytest.mark.parametrize("turns", range(6))
    async def test_a_cancelled_append_can_be_repeated(self, log: EventLog, turns: int) -> None:
        append = asyncio.create_task(fill(log, entry(1, 1, rows=500), entry(1, 2)))
        for _ in range(turns):
            await turn()
        append.cancel()
        await asyncio.wait([append])
        await fill(log, entry(1, 1, rows=500), entry(1, 2))
        assert await everything(log) == ["1-1", "1-2"]
        assert await log.last(0) == Position(1, 2)

    @pytest.mark.parametrize("turns", range(6))
    async def test_a_cancelled_question_does_not_answer_the_next(
        self, log: EventLog, turns: int
    ) -> None:
        await fill(log, entry(1, 1), entry(1, 2))
        question = asyncio.create_task(log.first(0))
        for _ in range(turns):
            await turn()
        question.cancel()
        await asyncio.wait([question])
        assert await log.last(0) == Position(1, 2)


class TestEnds:
    """Where a partition begins and ends, and what trimming leaves."""

    async def test_an_empty_partition_begins_and_ends_at_the_origin(self, log: EventLog) -> None:
        assert (await log.first(0), await log.last(0), await log.tail(0)) == (ORIGIN, ORIGIN, None)

    async def test_first_and_last_are_the_oldest_and_newest_fences_included(
        self, log: EventLog
    ) -> None:
        await fill(log, fence(1), entry(1, 1), fence(2))
        assert (await log.first(0), await log.last(0)) == (Position(1, 0), Position(2, 0))

    async def test_the_tail_is_the_newest_entry_with_rows(self, log: EventLog) -> None:
        await fill(log, entry(1, 1), entry(1, 2), *(fence(epoch) for epoch in range(2, 12)))
        tail = await log.tail(0)
        assert tail is not None
        assert positions([tail]) == ["1-2"]

    async def test_fences_alone_have_no_tail(self, log: EventLog) -> None:
        await fill(log, *(fence(epoch) for epoch in range(1, 6)))
        assert await log.tail(0) is None

    async def test_trimming_forgets_what_is_before_a_position(self, log: EventLog) -> None:
        await fill(log, *(entry(1, seq) for seq in range(1, 6)))
        await fill(log, entry(1, 1), partition=1)
        await log.trim(0, Position(1, 4))
        assert await everything(log) == ["1-4", "1-5"]
        assert await log.first(0) == Position(1, 4)
        assert await everything(log, 1) == ["1-1"]

    async def test_trimming_keeps_the_newest_entry_with_rows(self, log: EventLog) -> None:
        await fill(log, entry(1, 1), entry(1, 2), fence(2), fence(3))
        await log.trim(0, Position(9, 9))
        assert await everything(log) == ["1-2", "2-0", "3-0"]

    async def test_trimming_never_takes_the_log_back(self, log: EventLog) -> None:
        await fill(log, fence(1), fence(2))
        await log.trim(0, Position(9, 9))
        assert await log.last(0) == Position(2, 0)
        with pytest.raises(Fenced):
            await fill(log, entry(1, 1))

    async def test_trimming_an_empty_partition_is_no_error(self, log: EventLog) -> None:
        await log.trim(0, Position(1, 1))


class TestOpenAndClose:
    """A log outlives its handle."""

    async def test_the_number_of_partitions_is_that_of_creation(self, log: EventLog) -> None:
        assert log.partitions == 2

    async def test_reopened_it_has_everything_and_goes_on(self, reopen: Open) -> None:
        log = await reopen(2)
        await fill(log, fence(1), entry(1, 1, rows=3))
        log = await reopen(2)
        await fill(log, entry(1, 1, rows=3), entry(1, 2))
        assert await everything(log) == ["1-0", "1-1", "1-2"]
        with pytest.raises(Fenced):
            await fill(log, entry(1, 1, rows=4))

    async def test_closing_ends_the_waits(self, log: EventLog) -> None:
        reader = asyncio.create_task(log.read(0, ORIGIN, 10, A_LONG_WAIT))
        await other_tasks_turn(log)
        await log.close()
        with pytest.raises(Transient):
            await reader

    async def test_a_closed_log_says_so(self, log: EventLog) -> None:
        await log.close()
        await log.close()
        with pytest.raises(Transient, match="closed"):
            await fill(log, entry(1, 1))
        with pytest.raises(Transient, match="closed"):
            await log.read(0, ORIGIN, 10, 0)


class TestWithAManualClock:
    """Logs of one process wait by the clock they are given."""

    @pytest.fixture(params=["memory", "sqlite"])
    async def timed(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> AsyncIterator[tuple[EventLog, ManualClock]]:
        clock = ManualClock()
        log: EventLog = (
            MemoryEventLog(1, clock)
            if request.param == "memory"
            else await SqliteEventLog.open(tmp_path / "market.sqlite", 1, clock)
        )
        yield log, clock
        await log.close()

    async def test_a_wait_lasts_as_long_as_the_clock_says(
        self, timed: tuple[EventLog, ManualClock]
    ) -> None:
        log, clock = timed
        reader = asyncio.create_task(log.read(0, ORIGIN, 10, 60))
        while clock.next_wake is None:
            await turn()
        clock.advance(60)
        assert list(await reader) == []


@pytest.mark.parametrize("kind", ["sqlite", "redis"], indirect=False)
async def test_another_number_of_partitions_is_refused_naming_both(reopen: Open) -> None:
    await reopen(2)
    with pytest.raises(SettingsError, match=r"created with 2 partitions, .* ask for 3"):
        await reopen(3)


async def turn() -> None:
    """Let every other task run up to where it waits."""
    await SystemClock().sleep(0)


async def other_tasks_turn(log: EventLog) -> None:
    """Let other tasks come to wait on the log: it has answered someone who asked after them."""
    for _ in range(3):
        await turn()
        await log.last(0)
