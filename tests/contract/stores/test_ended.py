"""Who is ended in the middle of a call is ended: not one more try."""

import asyncio
from typing import NoReturn

from tests.contract.stores.parts import Unit
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.engine.retry import persist

TURNS = 60  # of the loop, up to which a call is let go on
PATIENCE = 30  # seconds


async def test_who_asks_again_and_again_is_ended_wherever_it_is(unit: Unit) -> None:
    async def ask_on() -> NoReturn:
        while True:
            await persist(SYSTEM_CLOCK, "snapshots", lambda: unit.store.snapshots_of(unit.name))

    for turns in range(TURNS):
        asking = asyncio.create_task(ask_on())
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking}, timeout=PATIENCE)
        assert asking.cancelled(), f"ended after {turns} turns of the loop, it goes on"


async def test_who_writes_again_and_again_is_ended_wherever_it_is(unit: Unit) -> None:
    async def say_on() -> NoReturn:
        while True:
            await unit.say()

    for turns in range(TURNS):
        saying = asyncio.create_task(say_on())
        for _ in range(turns):
            await asyncio.sleep(0)
        saying.cancel()
        await asyncio.wait({saying}, timeout=PATIENCE)
        assert saying.cancelled(), f"ended after {turns} turns of the loop, it goes on"
        await unit.claim()
