"""A promise broken outside ends the daemon with its reason, and not before it has been said."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.simulation.faults import Figures, finish, settle, until
from tests.simulation.market import SYMBOLS, ScriptedSource, Stateful, bar_rows, entries
from tests.simulation.memory_store import MemoryStore
from tests.simulation.parts import World
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.domain.errors import Fatal, LogWentBack, Transient
from whispr_daemon.domain.unit import HostSpec
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.engine.watch import Patience
from whispr_daemon.ports.event_log import Entry


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
        return Hosted(spec, lambda _: unit, back.clock, back.figures)

    supervisor = Supervisor(
        [spec], LocalRuntime(build), (back.log, back.store), back.clock, Figures(), Patience()
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


class Cut:
    """A log that loses its connection at the append with this number, and stays away."""

    def __init__(self, log: MemoryEventLog, at: int) -> None:
        self._log, self._left = log, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, found: Sequence[tuple[int, Entry]]) -> None:
        self._left -= 1
        if self._left < 0:
            raise Transient("the log is away")
        await self._log.append(found)


async def test_rows_given_up_while_stopping_are_taken_in_at_the_next_start() -> None:
    world, whole = World(), World()
    await finish(whole.clock, _ingest(whole).run())
    source = ScriptedSource(bar_rows(30), SYMBOLS, world.clock)
    log: Any = Cut(world.log, at=2)  # the fence, one append, no more
    ingest = Ingest(source, log, world.store, world.clock, world.figures)
    task = asyncio.ensure_future(ingest.run())
    await settle(world.clock)
    ingest.stop()
    await until(world.clock, task.done)

    await finish(world.clock, _ingest(world).run())

    found, wanted = await world.log.tail(0), await whole.log.tail(0)
    assert found is not None
    assert wanted is not None
    assert found.offset == wanted.offset
