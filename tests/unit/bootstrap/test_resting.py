"""The collector is rid of what was loaded as soon as all units are at work, and not before."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack

import pytest

from tests.simulation.faults import settle
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.bootstrap.resting import rest_once_live
from whispr_daemon.domain.unit import UnitReport, UnitState


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Afterwards the collector looks at everything again."""
    gc.unfreeze()
    yield
    gc.unfreeze()


class Scene:
    """Two units."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.states: list[UnitState] = ["recovering", "live"]

    async def units(self) -> Sequence[UnitReport]:
        """Return how they stand."""
        return [
            UnitReport(unit_id=f"one/{place}", partition=place, state=state)
            for place, state in enumerate(self.states)
        ]

    async def later(self) -> int:
        """Return how many objects are out of the collector's sight some seconds later."""
        for _ in range(4):
            self.clock.advance(1.0)
            await settle(self.clock)
        return gc.get_freeze_count()


async def test_the_collector_is_rid_of_what_was_loaded_once_all_units_are_at_work() -> None:
    scene = Scene()
    async with AsyncExitStack() as stack:
        rest_once_live(scene.units, 2, scene.clock, stack)
        assert await scene.later() == 0
        scene.states[0] = "quarantined"
        assert await scene.later() > 0


async def test_a_daemon_that_ends_before_leaves_the_collector_as_it_is() -> None:
    scene = Scene()
    async with AsyncExitStack() as stack:
        rest_once_live(scene.units, 2, scene.clock, stack)
        await settle(scene.clock)
    scene.states[0] = "live"
    assert await scene.later() == 0
    assert "memory at rest" not in {task.get_name() for task in asyncio.all_tasks()}
