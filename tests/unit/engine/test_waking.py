"""Waiting for news or for time."""

import asyncio

import pytest

from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.engine.waking import Waking


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await ManualClock().sleep(0)


async def test_news_that_came_before_are_not_waited_for_and_count_once() -> None:
    waking = Waking(ManualClock())
    waking.set()
    waking.set()
    await waking.wait()
    again = asyncio.ensure_future(waking.wait())
    await turns()
    assert not again.done()
    waking.set()
    await again


async def test_time_ends_a_wait_and_is_no_news() -> None:
    clock = ManualClock()
    waking = Waking(clock)
    waiting = asyncio.ensure_future(waking.wait(2.0))
    await turns()
    clock.advance(1.9)
    await turns()
    assert not waiting.done()
    clock.advance(0.2)
    await waiting
    again = asyncio.ensure_future(waking.wait())
    await turns()
    assert not again.done()
    again.cancel()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_nothing_is_left_of_a_wait_that_news_or_a_cancellation_ended(
    cancelled: bool,
) -> None:
    clock = ManualClock()
    waking = Waking(clock)
    waiting = asyncio.ensure_future(waking.wait(2.0))
    await turns()
    if cancelled:
        waiting.cancel()
    else:
        waking.set()
    await asyncio.wait({waiting})
    await turns()
    assert clock.next_wake is None
    waking.set()
    await waking.wait()


async def test_the_end_of_one_wait_does_not_end_the_next() -> None:
    waking = Waking(ManualClock())
    waking.set()

    async def twice() -> None:
        await waking.wait(2.0)
        await waking.wait(2.0)
        await waking.wait(2.0)

    waiting = asyncio.ensure_future(twice())
    await turns()
    waking.set()
    await turns()
    assert not waiting.done()
    waiting.cancel()
