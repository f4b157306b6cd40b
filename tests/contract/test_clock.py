"""What every clock promises, and what the manual one adds."""

import asyncio

import pytest

from whispr_daemon.adapters.clock import ManualClock, SystemClock
from whispr_daemon.ports.clock import Clock


async def turn() -> None:
    """Let every other task run up to where it waits."""
    await SystemClock().sleep(0)


@pytest.fixture(params=[SystemClock, ManualClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_monotonic_time_never_goes_back(clock: Clock) -> None:
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_now_is_whole_nanoseconds(clock: Clock) -> None:
    assert isinstance(clock.now(), int)


async def test_sleeping_no_time_lets_others_run(clock: Clock) -> None:
    ran = asyncio.Event()
    other = asyncio.create_task(_set(ran))
    await clock.sleep(0)
    assert ran.is_set()
    await other


async def test_the_system_clock_sleeps_at_least_as_long_as_asked() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.002)
    assert clock.monotonic() - before >= 0.0015  # loop timers have a coarse grain


async def test_sleepers_wake_in_the_order_they_are_due_then_in_the_order_they_slept() -> None:
    clock, woken = ManualClock(), list[str]()

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    tasks = [asyncio.create_task(sleeper(*ask)) for ask in [("c", 3), ("a", 1), ("b", 3)]]
    await turn()
    clock.advance(3)
    await asyncio.gather(*tasks)
    assert woken == ["a", "c", "b"]


async def test_nobody_wakes_before_the_time_has_come() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await turn()
    clock.advance(0.999_999_999)
    await turn()
    assert not task.done()
    clock.advance(0.000_000_001)
    await task


async def test_both_readings_derive_from_the_same_advance() -> None:
    clock = ManualClock(start=1_000)
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (1_500_001_000, 1.5)


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await turn()
    assert clock.next_wake == 1_000_000_000
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.next_wake is None
    clock.advance(2)


async def test_an_alarm_rings_once_when_its_time_has_come() -> None:
    clock, rung = ManualClock(), list[str]()
    clock.alarm(1, lambda: rung.append("first"))
    clock.alarm(2, lambda: rung.append("second"))
    clock.advance(1)
    await turn()
    assert rung == ["first"]
    clock.advance(5)
    await turn()
    assert rung == ["first", "second"]


async def test_an_alarm_after_no_time_rings_when_others_had_their_turn(clock: Clock) -> None:
    rung = asyncio.Event()
    clock.alarm(0, rung.set)
    assert not rung.is_set()
    await rung.wait()


async def test_an_alarm_that_was_prevented_does_not_ring(clock: Clock) -> None:
    rung = list[str]()
    prevented = [clock.alarm(seconds, lambda: rung.append("late")) for seconds in (0, 0.001)]
    for prevent in prevented:
        prevent()
    if isinstance(clock, ManualClock):
        assert clock.next_wake is None
        clock.advance(1)
    else:
        await clock.sleep(0.003)
    await turn()
    assert rung == []


async def test_an_alarm_may_be_prevented_until_it_rings_though_its_time_has_come() -> None:
    clock, rung = ManualClock(), list[str]()
    prevent = clock.alarm(1, lambda: rung.append("late"))
    clock.advance(1)
    prevent()
    await turn()
    assert rung == []


async def _set(event: asyncio.Event) -> None:
    event.set()
