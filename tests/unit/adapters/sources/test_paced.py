"""The pace of a source: when each row is due on the clock."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from whispr_daemon.adapters.clock import SYSTEM_CLOCK, ManualClock
from whispr_daemon.adapters.sources.paced import Paced
from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.timeframe import HOUR, MINUTE, SECOND
from whispr_daemon.ports.source import SourceBatch

NOON = 1_704_110_400_000_000_000


class Listed:
    """A source of rows at given times, cut into batches of ``size``."""

    name = "listed"

    def __init__(self, times: list[int], size: int = 100) -> None:
        self.times, self.size = times, size

    @property
    def total(self) -> int | None:
        return len(self.times)

    def describe(self, seq: int) -> str:
        return f"row {seq}"

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        for start in range(after, len(self.times), self.size):
            times = self.times[start : start + self.size]
            rows = empty_rows(len(times))
            rows["ts"] = times
            yield SourceBatch(first_seq=start + 1, symbols=["SPY"], rows=rows)


class Delivery:
    """Reads a source as a task and notes when, in seconds, each row number arrived."""

    def __init__(self, source: Paced, clock: ManualClock, after: int = 0) -> None:
        self.arrived: dict[int, float] = {}
        self.batches: list[list[int]] = []
        self._clock = clock
        self._task = asyncio.ensure_future(self._read(source, after))

    async def _read(self, source: Paced, after: int) -> None:
        async for batch in source.batches(after):
            numbers = list(range(batch.first_seq, batch.first_seq + len(batch.rows)))
            self.batches.append(numbers)
            self.arrived |= dict.fromkeys(numbers, self._clock.monotonic())

    async def to_the_end(self) -> "Delivery":
        while not self._task.done():
            for _ in range(3):
                await SYSTEM_CLOCK.sleep(0)
            if (wake := self._clock.next_wake) is not None:
                self._clock.advance((wake - self._clock.now()) / SECOND)
        await self._task
        return self


def minutes(*offsets: float) -> list[int]:
    return [NOON + int(offset * MINUTE) for offset in offsets]


async def deliver(times: list[int], speed: float, after: int = 0, live_from: int = 1) -> Delivery:
    clock = ManualClock()
    return await Delivery(
        Paced(Listed(times), clock, speed, live_from_seq=live_from), clock, after
    ).to_the_end()


async def test_event_time_goes_by_at_the_speed_asked_for() -> None:
    found = await deliver(minutes(0, 1, 2, 5), speed=60)
    assert found.arrived == pytest.approx({1: 0, 2: 1, 3: 2, 4: 5})


async def test_real_time_is_a_speed_too() -> None:
    found = await deliver(minutes(0, 1), speed=1)
    assert found.arrived == pytest.approx({1: 0, 2: 60})


async def test_rows_of_one_time_come_in_one_batch() -> None:
    found = await deliver(minutes(0, 0, 1, 1, 1, 2), speed=60)
    assert found.batches == [[1, 2], [3, 4, 5], [6]]


async def test_a_night_is_skipped() -> None:
    night = [NOON, NOON + 17 * HOUR, NOON + 17 * HOUR + MINUTE]
    found = await deliver(night, speed=60)
    assert found.arrived == pytest.approx({1: 0, 2: 0, 3: 1})


async def test_ten_minutes_without_a_trade_are_waited_for() -> None:
    found = await deliver(minutes(0, 10), speed=60)
    assert found.arrived == pytest.approx({1: 0, 2: 10})


async def test_warm_rows_come_at_once_and_the_pace_begins_after_them() -> None:
    found = await deliver(minutes(0, 1, 2, 3, 4), speed=60, live_from=4)
    assert found.arrived == pytest.approx({1: 0, 2: 0, 3: 0, 4: 0, 5: 1})


async def test_resumed_it_goes_on_at_once_at_the_same_pace() -> None:
    found = await deliver(minutes(0, 1, 2, 3, 4), speed=60, after=3)
    assert found.arrived == pytest.approx({4: 0, 5: 1})


async def test_resumed_within_the_warm_rows_the_rest_of_them_comes_at_once() -> None:
    found = await deliver(minutes(0, 1, 2, 3, 4), speed=60, after=1, live_from=4)
    assert found.arrived == pytest.approx({2: 0, 3: 0, 4: 0, 5: 1})


async def test_the_pace_does_not_depend_on_how_the_source_cuts_its_batches() -> None:
    times = minutes(0, 1, 1, 2, 4, 30, 31)
    found = []
    for size in (1, 2, 3, 100):
        clock = ManualClock()
        delivery = await Delivery(Paced(Listed(times, size), clock, 60), clock).to_the_end()
        found.append(delivery.arrived)
    assert all(arrived == pytest.approx(found[0]) for arrived in found)
    assert found[0] == pytest.approx({1: 0, 2: 1, 3: 1, 4: 2, 5: 4, 6: 4, 7: 5})


@pytest.mark.parametrize("wrong", [0, NOON - HOUR, NOON + 1_000_000 * HOUR])
async def test_a_row_with_a_wrong_time_does_not_stop_the_clock(wrong: int) -> None:
    before, after = minutes(0, 1)
    found = await deliver([before, wrong, after, after + MINUTE], speed=60)
    assert found.arrived == pytest.approx({1: 0, 2: 0, 3: 0, 4: 1})


async def test_what_is_overdue_because_the_reader_was_busy_comes_in_one_batch() -> None:
    clock = ManualClock()
    rows = Paced(Listed(minutes(*range(10))), clock, speed=60).batches(0)
    assert len((await anext(rows)).rows) == 1
    clock.advance(4.5)
    late = await anext(rows)
    assert (late.first_seq, len(late.rows)) == (2, 4)


async def test_it_is_its_source_by_name_size_and_description() -> None:
    source = Listed(minutes(0, 1))
    paced = Paced(source, ManualClock(), 60)
    assert (paced.name, paced.total, paced.describe(2)) == ("listed", 2, "row 2")


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_never_arrives_is_refused(speed: float) -> None:
    with pytest.raises(SettingsError, match="should be above 0"):
        Paced(Listed([]), ManualClock(), speed)


async def test_a_large_batch_is_cut_in_order_without_loss() -> None:
    times = (NOON + np.arange(5000) // 7 * SECOND).tolist()
    found = await deliver(times, speed=3600)
    assert [number for batch in found.batches for number in batch] == list(range(1, 5001))
