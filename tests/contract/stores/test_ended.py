"""Who is ended in the middle of a call is ended: not one more try."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from tests.contract.stores.parts import Unit
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

TURNS = 60  # of the loop, up to which a call is let go on
PATIENCE = 30  # seconds


async def test_who_asks_again_and_again_is_ended_wherever_it_is(unit: Unit) -> None:
    for turns in range(TURNS):
        assert await ended(lambda: unit.store.snapshots_of(unit.name), turns)


async def test_who_writes_again_and_again_is_ended_wherever_it_is(unit: Unit) -> None:
    for turns in range(TURNS):
        assert await ended(unit.say, turns)
        await unit.claim()


async def ended(call: Callable[[], Awaitable[object]], turns: int) -> bool:
    """Whether who calls again and again ends when it is told to, after so many turns."""

    async def go_on() -> NoReturn:
        while True:
            await call()

    task = asyncio.create_task(go_on())
    for _ in range(turns):
        await SYSTEM_CLOCK.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE)
    return task.cancelled()
