"""A clean stop: what was taken in is folded and committed, and delivered while there is time."""

import asyncio
from collections.abc import Collection, Sequence

import pytest
from structlog.testing import capture_logs

from tests.simulation.faults import crash, finish, settle, until
from tests.simulation.market import SYMBOLS, ScriptedSource, Unwritten, bar_rows
from tests.simulation.parts import CADENCE, World
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.domain.unit import HostSpec, HostStatus, Sample, UnitSpec
from whispr_daemon.engine.daemon import Daemon
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.engine.unit import Unit
from whispr_daemon.engine.watch import Patience
from whispr_daemon.ports.store import StoredOutput

UNIT = UnitSpec(strategy=Unwritten.name, partition=0)
SPEC = HostSpec(host_id="h", units=(UNIT,))


class Hosted(Host):
    """A host as a runtime wants it."""

    async def close(self) -> None:
        """Nothing is held."""


class Overseer:
    """The supervisor in this process, without its endpoints."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def start(self) -> None:
        """It has no endpoints."""

    async def watch(self) -> None:
        await self._supervisor.run()

    async def push(
        self, process: str, samples: tuple[Sample, ...], troubles: tuple[Trouble, ...]
    ) -> None:
        self._supervisor.push(process, samples, troubles)

    async def status(self) -> Sequence[HostStatus]:
        return self._supervisor.status()

    async def stop(self) -> None:
        self._supervisor.stop()


class Receiver:
    """An outlet: keeps what it gets, in its own time; or fails for good."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.free = asyncio.Event()
        self.error: Exception | None = None

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        return self.got

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        await self.free.wait()
        if self.error is not None:
            raise self.error
        self.got += [each.output.id for each in outputs]
        return ""

    async def close(self) -> None:
        pass


class Stage:
    """A world with a whole daemon in it."""

    def __init__(self) -> None:
        self.world = World()
        self.receiver = Receiver()

    def daemon(self) -> Daemon:
        world, ports = self.world, self.world.ports()

        def unit(spec: UnitSpec) -> Unit:
            return Unit(spec, Fold(Unwritten(), spec.strategy, "1"), ports, "test", CADENCE)

        async def build(spec: HostSpec) -> Hosted:
            return Hosted(spec, unit, world.clock, world.figures)

        supervisor = Supervisor(
            [SPEC],
            LocalRuntime(build),
            (world.log, world.store),
            world.clock,
            world.figures,
            Patience(),
        )
        source = ScriptedSource(bar_rows(120), SYMBOLS, world.clock)
        return Daemon(
            Overseer(supervisor),
            Ingest(source, world.log, world.store, world.clock, world.figures),
            [Relay("r", self.receiver, world.store, world.clock, world.figures)],
            [UNIT],
            ports,
        )

    async def said(self) -> list[str]:
        return [each.id for each in await self.world.outputs()]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def running(daemon: Daemon, *, to_end: bool = False) -> "asyncio.Task[None]":
    return asyncio.ensure_future(daemon.run(to_end=to_end))


async def expected() -> list[str]:
    """What is said where nobody stops it."""
    stage = Stage()
    stage.receiver.free.set()
    with capture_logs():
        await finish(stage.world.clock, stage.daemon().run(to_end=True))
    said = await stage.said()
    assert len(said) > 40
    assert stage.receiver.got == said
    return said


async def test_a_stop_leaves_what_was_said_committed_and_delivered_and_a_start_goes_on(
    stage: Stage,
) -> None:
    stage.receiver.free.set()
    daemon = stage.daemon()
    with capture_logs() as logged:
        first = running(daemon)
        await until(stage.world.clock, lambda: bool(stage.receiver.got), step=0.001)
        daemon.stop()
        await finish(stage.world.clock, first)
        assert stage.receiver.got == await stage.said()
        (snapshot,) = (await stage.world.store.snapshots_of(UNIT.unit_id))[-1:]
        assert snapshot.position == (await stage.world.store.mark(UNIT.unit_id)).wm
        await finish(stage.world.clock, stage.daemon().run(to_end=True))
    assert stage.receiver.got == await stage.said() == await expected()
    assert not [each for each in logged if each["log_level"] == "error"]


async def test_an_outlet_that_takes_nothing_does_not_keep_a_stop_waiting(stage: Stage) -> None:
    daemon, clock = stage.daemon(), stage.world.clock
    with capture_logs() as logged:
        first = running(daemon)
        await until(clock, lambda: bool(stage.world.store.said.get(UNIT.unit_id)))
        asked = clock.monotonic()
        daemon.stop()
        await finish(clock, first)
        assert 5.0 <= clock.monotonic() - asked < 10.0
        (told,) = [each for each in logged if each["log_level"] == "error"]
        assert told["event"].startswith("outlet did not take all in time")
        assert (told["route"], stage.receiver.got) == ("r", [])
        stage.receiver.free.set()
        await finish(clock, stage.daemon().run(to_end=True))
    assert stage.receiver.got == await expected()


async def test_at_the_end_of_a_replay_an_outlet_has_all_the_time_it_needs(stage: Stage) -> None:
    clock = stage.world.clock
    with capture_logs():
        replay = running(stage.daemon(), to_end=True)
        for _ in range(300):
            clock.advance(0.1)
            await settle(clock, 20)
        assert not replay.done()
        stage.receiver.free.set()
        await finish(clock, replay)
    assert stage.receiver.got == await expected()


async def test_a_relay_that_is_replaced_while_it_drains_says_so(stage: Stage) -> None:
    daemon, clock = stage.daemon(), stage.world.clock
    with capture_logs():
        first = running(daemon)
        await until(clock, lambda: bool(stage.world.store.said.get(UNIT.unit_id)))
        daemon.stop()
        await settle(clock)
        stage.receiver.error = Fenced("a newer relay has the route")
        stage.receiver.free.set()
        with pytest.raises(Fenced, match="a newer relay"):
            await finish(clock, first)


async def test_who_is_cancelled_while_it_stops_waits_for_nobody(stage: Stage) -> None:
    daemon, clock = stage.daemon(), stage.world.clock
    with capture_logs():
        first = running(daemon)
        await until(clock, lambda: bool(stage.world.store.said.get(UNIT.unit_id)))
        daemon.stop()
        await settle(clock)
        now = clock.monotonic()
        await crash(first)
    assert first.cancelled()
    assert clock.monotonic() == now
