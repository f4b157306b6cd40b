"""A unit in quarantine stays there until it is released; what a host dies of is taken out of it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from tests.simulation.faults import Figures, crash, finish, settle, until
from tests.simulation.market import Unwritten, bar_rows, entries
from tests.simulation.memory_store import MemoryStore
from tests.simulation.parts import World
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.events import MarketEvent
from whispr_daemon.domain.outputs import Alert, Output
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.unit import HostSpec, UnitSpec
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.inquest import Inquest
from whispr_daemon.engine.notices import SPEAKER
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.engine.unit import Unit
from whispr_daemon.engine.watch import Deaths, Patience, Watch
from whispr_daemon.ports.store import Commit, StoredOutput

PATIENCE = Patience(stall_seconds=5.0, deaths=3, within_seconds=600.0)


@pytest.fixture(autouse=True)
def journal() -> Iterator[list[Any]]:
    """What is logged; tracebacks need not be drawn."""
    with capture_logs() as logged:
        yield logged


class Fault:
    """What is wrong with the world outside, if anything: not in the log."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Touchy(Unwritten):
    """It fails at its 14th row for as long as something is wrong."""

    name = "touchy"

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault, self._rows = fault, 0

    @override
    def on_event(self, event: MarketEvent) -> list[Output]:
        self._rows += 1
        if self._rows == 14 and self._fault.error is not None:
            raise self._fault.error
        return super().on_event(event)


class Death(BaseException):
    """What no strategy can say: the end of its process."""


class Hosted(Host):
    """A host as a runtime wants it."""

    async def close(self) -> None:
        """Nothing is held."""


class Stage:
    """A world with a host of two units, one of them touchy, under a supervisor."""

    def __init__(self, error: BaseException | None) -> None:
        self.world = World(partitions=2)
        self.fault = Fault(error)
        self.figures = Figures()
        self.built = 0
        units = (UnitSpec(strategy="touchy", partition=0), UnitSpec(strategy="calm", partition=1))
        self.spec = HostSpec(host_id="h", units=units)

    def unit(self, spec: UnitSpec) -> Unit:
        if spec.strategy == "touchy":
            return self.world.unit(Touchy(self.fault))
        calm = Unwritten()
        calm.name = "calm"
        return self.world.unit(calm, partition=1)

    def host(self) -> Hosted:
        self.built += 1
        return Hosted(self.spec, self.unit, self.world.clock, self.figures)

    async def hosted(self, _: HostSpec) -> Hosted:
        return self.host()

    def supervisor(self) -> Supervisor:
        return Supervisor(
            [self.spec],
            LocalRuntime(self.hosted),
            (self.world.log, self.world.store),
            self.world.clock,
            self.figures,
            PATIENCE,
        )

    async def fill(self, *partitions: int) -> None:
        for partition in partitions:
            await self.world.fill(entries(bar_rows(30), range(0, 30, 5)), partition)

    def state(self, supervisor: Supervisor) -> dict[str, str]:
        (status,) = supervisor.status()
        return {} if status.report is None else {u.unit_id: u.state for u in status.report.units}

    async def said(self, unit: str) -> list[Output]:
        stored = await self.world.store.outputs({}, 10_000)
        return [each.output for each in stored if each.unit_id == unit]

    async def reached(self, host: Host, state: str) -> None:
        await until(self.world.clock, lambda: host.report().units[0].state == state)

    async def caught_up(self, host: Host) -> None:
        last = await self.world.log.last(0)
        await until(
            self.world.clock, lambda: all(unit.committed == last for unit in host.report().units)
        )

    async def become(self, supervisor: Supervisor, **states: str) -> None:
        wanted = {"touchy/0": states["touchy"], "calm/1": states["calm"]}
        await until(self.world.clock, lambda: self.state(supervisor) == wanted)

    async def durable(self, unit: str) -> bool:
        mark = (await self.world.store.marks()).get(unit)
        return mark is not None and mark.wm == await self.world.log.last(int(unit[-1]))


async def stopped(stage: Stage, supervisor: Supervisor, running: "asyncio.Future[None]") -> None:
    supervisor.stop()
    await finish(stage.world.clock, running)


async def test_a_unit_in_quarantine_stays_there_over_restarts_until_it_is_released() -> None:
    stage, clean = Stage(ValueError("the file is gone")), Stage(None)
    for each in (stage, clean):
        await each.fill(0, 1)
    for _ in range(2):
        host = stage.host()
        running = asyncio.ensure_future(host.run())
        await stage.reached(host, "quarantined")
        host.stop()
        await finish(stage.world.clock, running)
    assert stage.figures.counts["whispr_quarantines"] == 0  # the host's own figures count none
    assert stage.world.figures.counts["whispr_quarantines"] == 1  # the second start did not try
    (held,) = await stage.world.store.quarantined()
    assert "the file is gone" in held.reason

    stage.fault.error = None
    assert await stage.world.store.release("touchy/0")
    for each in (stage, clean):
        host = each.host()
        running = asyncio.ensure_future(host.run())
        await each.caught_up(host)
        host.stop()
        await finish(each.world.clock, running)

    assert await stage.said("touchy/0") == await clean.said("touchy/0") != []


async def test_a_running_host_takes_up_a_unit_that_is_released() -> None:
    stage = Stage(ValueError("the file is gone"))
    await stage.fill(0, 1)
    host = stage.host()
    running = asyncio.ensure_future(host.run())
    await stage.reached(host, "quarantined")

    stage.fault.error = None
    await stage.world.store.release("touchy/0")
    await stage.caught_up(host)
    assert host.report().units[0].state == "live"
    host.stop()
    await finish(stage.world.clock, running)
    assert {unit.state for unit in host.report().units} == {"stopped"}


class Hanging(MemoryStore):
    """Its first commit never answers, and fails for no reason that could be tried again."""

    def __init__(self, store: MemoryStore) -> None:
        self.__dict__ = store.__dict__
        self._hung = False

    @override
    async def commit(self, commit: Commit) -> None:
        if not self._hung:
            self._hung = True
            await asyncio.Event().wait()
        await super().commit(commit)


class Recording:
    """An outlet that keeps all it gets."""

    def __init__(self) -> None:
        self.got: list[StoredOutput] = []

    async def open(self, epoch: int, receipt: str) -> tuple[str, ...]:
        return ()

    async def send(self, outputs: Any) -> str:
        self.got += outputs
        return ""

    async def close(self) -> None:
        pass


async def test_a_quarantine_is_told_once_by_however_many_supervisors() -> None:
    stage, outlet = Stage(ValueError("the file is gone")), Recording()
    await stage.fill(0, 1)
    relay = Relay("r", outlet, stage.world.store, stage.world.clock, stage.figures)
    relaying = asyncio.ensure_future(relay.run())
    for _ in range(3):
        supervisor = stage.supervisor()
        running = asyncio.ensure_future(supervisor.run())
        await stage.become(supervisor, touchy="quarantined", calm="live")
        for _ in range(8):
            stage.world.clock.advance(0.5)
            await settle(stage.world.clock)
        await stopped(stage, supervisor, running)
    await crash(relaying)

    (alert,) = await stage.said(SPEAKER)
    (held,) = await stage.world.store.quarantined()
    assert isinstance(alert, Alert)
    assert alert.severity == "critical"
    assert alert.data == {
        "unit": "touchy/0",
        "position": str(held.position),
        "reason": held.reason,
    }
    assert "unit touchy/0 is quarantined at position" in alert.message
    assert [each.output.id for each in outlet.got].count(alert.id) == 1


async def test_of_two_supervisors_the_older_one_ends() -> None:
    stage = Stage(None)
    older = asyncio.ensure_future(stage.supervisor().run())
    await settle(stage.world.clock, 200)
    newer = asyncio.ensure_future(stage.supervisor().run())

    with pytest.raises(Fenced, match="a newer supervisor is at work"):
        await finish(stage.world.clock, older)
    await crash(newer)


async def test_a_unit_that_its_host_dies_of_is_taken_out_and_its_neighbour_goes_on() -> None:
    stage = Stage(Death())
    await stage.fill(1)
    supervisor = stage.supervisor()
    running = asyncio.ensure_future(supervisor.run())
    await stage.become(supervisor, touchy="live", calm="live")
    await stage.fill(0)
    await stage.become(supervisor, touchy="quarantined", calm="live")

    assert stage.built == PATIENCE.deaths + 2  # the one that died first, and the one that stays
    (held,) = await stage.world.store.quarantined()
    assert f"its host h died {PATIENCE.deaths} times while it stood at" in held.reason
    assert any("touchy/0 is quarantined" in why for why in supervisor.unready())
    await until(stage.world.clock, lambda: bool(stage.world.store.said.get(SPEAKER)))
    stage.fault.error = None
    await stage.world.store.release("touchy/0")
    await stage.become(supervisor, touchy="live", calm="live")
    await stopped(stage, supervisor, running)
    assert await stage.durable("touchy/0")


def test_where_it_cannot_be_told_what_a_host_dies_of_all_that_stand_are_named() -> None:
    deaths, here, there = Deaths(PATIENCE), Position(1, 2), Position(1, 3)
    assert deaths.add(0.0, {"a/0": here, "b/0": here, "c/0": here, "new/0": None}) == {}
    assert deaths.add(9.0, {"a/0": here, "b/0": here, "c/0": there, "new/0": None}) == {}
    found = deaths.add(10.0, {"a/0": here, "b/0": here, "c/0": there, "new/0": None})
    assert found == {"a/0": 3, "b/0": 3, "new/0": 3}


def test_deaths_that_are_far_apart_are_no_row() -> None:
    deaths = Deaths(PATIENCE)
    for number in range(10):
        assert deaths.add(number * 301.0, {"a/0": Position(1, 2)}) == {}


def test_a_unit_that_had_read_all_at_one_of_the_deaths_is_not_what_the_host_dies_of() -> None:
    deaths, here = Deaths(PATIENCE), Position(1, 2)
    deaths.add(0.0, {"a/0": here})
    deaths.add(1.0, {"a/0": here})
    deaths.add(2.0, {})
    assert deaths.add(3.0, {"a/0": here}) == {}


def test_deaths_of_a_known_unit_say_nothing_of_the_others() -> None:
    deaths, here = Deaths(PATIENCE), Position(1, 2)
    stands = {"a/0": here, "b/0": here, "c/0": here}
    for number in range(PATIENCE.deaths - 1):
        assert deaths.add(number, stands, "a/0") == {}
        assert deaths.add(number, stands, "b/0") == {}
    assert deaths.add(9.0, stands, "a/0") == {"a/0": 3}
    assert deaths.add(9.0, {"b/0": here, "c/0": here}, "b/0") == {"b/0": 3}


def test_a_known_death_does_not_bring_back_what_was_counted_of_a_unit_that_went_on() -> None:
    deaths, here = Deaths(PATIENCE), Position(1, 2)
    for number in range(PATIENCE.deaths):
        deaths.add(number, {"b/0": here})
    went_on = {"a/0": here, "b/0": Position(1, 900)}
    assert deaths.add(90_000, went_on, "a/0") == {}


async def test_a_unit_that_waits_for_ever_is_started_again_on_the_loop_it_shares() -> None:
    stage = Stage(None)
    await stage.fill(0, 1)
    supervisor = stage.supervisor()
    stage.world.store = Hanging(stage.world.store)
    running = asyncio.ensure_future(supervisor.run())
    await until(stage.world.clock, lambda: stage.built == 2)
    await stage.become(supervisor, touchy="live", calm="live")
    (status,) = supervisor.status()
    assert status.restarts == 1
    await stopped(stage, supervisor, running)


async def test_a_host_that_dies_often_but_goes_on_between_is_started_again_each_time() -> None:
    stage = Stage(None)
    supervisor = stage.supervisor()
    running = asyncio.ensure_future(supervisor.run())
    await stage.become(supervisor, touchy="live", calm="live")
    await stage.world.store.register(("X",))
    for number, entry in enumerate(entries(bar_rows(40), range(0, 40, 5)), start=1):
        await stage.world.log.append([(0, entry), (1, entry)])
        while not (await stage.durable("touchy/0") and await stage.durable("calm/1")):
            stage.world.clock.advance(0.05)
            await settle(stage.world.clock, 10)
        (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "touchy/0"]
        task.cancel()
        while stage.built <= number:
            stage.world.clock.advance(0.5)
            await settle(stage.world.clock)
    await stopped(stage, supervisor, running)

    assert await stage.world.store.quarantined() == ()


async def test_a_unit_that_a_host_was_killed_for_is_taken_out_alone() -> None:
    stage = Stage(None)
    await stage.fill(0, 1)
    for spec in stage.spec.units:
        await stage.world.store.claim(spec.unit_id, spec.partition, "test", spec.start)
    ports = (stage.world.log, stage.world.store)
    inquest = Inquest(LocalRuntime(stage.hosted), *ports, stage.world.clock, stage.figures)
    watch = Watch(stage.spec, 0.0, PATIENCE)
    for number in range(PATIENCE.deaths):
        assert await stage.world.store.quarantined() == ()
        watch.begin_anew(float(number), "touchy/0")
        assert await inquest.hold(watch) is None
    (held,) = await stage.world.store.quarantined()
    assert held.unit_id == "touchy/0"

    for number in range(PATIENCE.deaths):  # nobody knows any more who had it
        watch.begin_anew(float(number))
        await inquest.hold(watch)
    assert {each.unit_id for each in await stage.world.store.quarantined()} == {
        "touchy/0",
        "calm/1",
    }
