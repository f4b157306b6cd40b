"""A promise broken outside ends the daemon with its reason, and not before it has been said."""

import asyncio

import pytest

from tests.simulation.faults import Figures, finish, settle, until
from tests.simulation.market import SYMBOLS, ScriptedSource, Stateful, bar_rows, entries
from tests.simulation.memory_store import MemoryStore
from tests.simulation.parts import World
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.domain.errors import Fatal, LogWentBack
from whispr_daemon.domain.unit import HostSpec
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.supervisor import Supervisor


def _ingest(world: World) -> Ingest:
    source = ScriptedSource(bar_rows(30), SYMBOLS, world.clock)
    return Ingest(source, world.log, world.store, world.clock, world.figures)


class Hosted(Host):
    """A host as a runtime wants it."""

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_host_whose_log_went_back_is_not_started_again_and_says_why() -> None:
    world = World()
    found = entries(bar_rows(30), range(0, 30, 5))
    await world.fill(found)
    await world.run_to_end(world.unit(Stateful()))
    back = World()
    back.store = world.store
    await back.fill(found[:3])
    unit = back.unit(Stateful())
    spec = HostSpec(host_id="h", units=(unit.spec,))
    built = 0

    async def build(spec: HostSpec) -> Hosted:
        nonlocal built
        built += 1
        return Hosted(spec, [unit], back.figures)

    supervisor = Supervisor(
        [spec], LocalRuntime(build), (back.log, back.store), back.clock, Figures(), 10.0
    )
    running = asyncio.ensure_future(supervisor.run())
    await until(back.clock, running.done)

    assert "outputs are durable up to" in supervisor.fatal
    assert built == 1


async def test_an_ingest_refuses_a_log_that_lost_its_end_and_writes_nothing_to_it() -> None:
    world = World()
    await finish(world.clock, _ingest(world).run())
    world.log = MemoryEventLog(1, world.clock)

    with pytest.raises(LogWentBack, match="ends at row 0"):
        await finish(world.clock, _ingest(world).run())

    assert str(await world.log.last(0)) == "0-0"


async def test_an_ingest_refuses_a_log_of_another_daemon_and_writes_nothing_to_it() -> None:
    world = World()
    await finish(world.clock, _ingest(world).run())
    before = await world.log.last(0)
    world.store = MemoryStore()

    with pytest.raises(Fatal, match="log and store are not of the same daemon"):
        await finish(world.clock, _ingest(world).run())

    await settle(world.clock)
    assert await world.log.last(0) == before
