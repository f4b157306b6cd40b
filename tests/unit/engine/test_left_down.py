"""A host that dies before it was ever at work is left down, says so, and is tried at each start."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.simulation.faults import Figures, finish, settle, until
from tests.simulation.market import Unwritten, bar_rows, entries
from tests.simulation.parts import World
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.bootstrap.supervisors import View
from whispr_daemon.domain.outputs import Alert
from whispr_daemon.domain.unit import HostSpec, UnitSpec
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.notices import SPEAKER
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.engine.unit import Unit
from whispr_daemon.engine.watch import Patience

WHY = "host h is left down: it died 3 times before unit unwritten/0 was at work"
HOSTS = [
    HostSpec(host_id="h", units=(UnitSpec(strategy="unwritten", partition=0),)),
    HostSpec(host_id="calm", units=(UnitSpec(strategy="calm", partition=1),)),
]


class Hosted(Host):
    """A host as a runtime wants it."""

    async def close(self) -> None:
        """Nothing is held."""


class Stage:
    """A world with two hosts, one of which cannot be built for as long as something is missing."""

    def __init__(self) -> None:
        self.world = World(partitions=2)
        self.missing = True
        self.tries = 0

    async def build(self, spec: HostSpec) -> Hosted:
        if spec.host_id == "h":
            self.tries += 1
            if self.missing:
                raise OSError("its library is not there")
        return Hosted(spec, self.unit, self.world.clock, Figures())

    def unit(self, spec: UnitSpec) -> Unit:
        strategy = Unwritten()
        strategy.name = spec.strategy
        return self.world.unit(strategy, partition=spec.partition)

    def supervisor(self, figures: Figures) -> Supervisor:
        patience = Patience(stall_seconds=5.0, deaths=3, within_seconds=600.0)
        ports = (self.world.log, self.world.store)
        return Supervisor(
            HOSTS, LocalRuntime(self.build), ports, self.world.clock, figures, patience
        )

    async def stop(self, supervisor: Supervisor, running: "asyncio.Future[None]") -> None:
        supervisor.stop()
        await finish(self.world.clock, running)


def up(supervisor: Supervisor) -> dict[str, bool]:
    return {status.host_id: status.up for status in supervisor.status()}


@pytest.fixture
async def stage() -> Stage:
    stage = Stage()
    for partition in range(2):
        await stage.world.fill(entries(bar_rows(30), range(0, 30, 5)), partition)
    return stage


async def test_it_is_shown_everywhere_left_alone_and_tried_again_at_the_next_start(
    stage: Stage,
) -> None:
    figures = Figures()
    supervisor, clock = stage.supervisor(figures), stage.world.clock
    with capture_logs() as logged:
        running = asyncio.ensure_future(supervisor.run())
        await until(clock, lambda: WHY in supervisor.unready())
        tries = stage.tries
        for _ in range(100):
            clock.advance(1.0)
            await settle(clock, 20)
        assert stage.tries == tries  # for good, until the next start
        assert up(supervisor) == {"h": False, "calm": True}
        assert figures.gauges["whispr_host_up", "h"] == 0.0
        assert figures.gauges["whispr_host_up", "calm"] == 1.0
        status = await View(supervisor, 0).status()
        assert (status["ready"], status["reasons"]) == (False, (WHY,))
        ready = await View(supervisor, 0).ready()
        assert (ready.ready, ready.reasons) == (False, (WHY,))
        (alert,) = [
            each.output
            for each in await stage.world.store.outputs({}, 1_000)
            if each.unit_id == SPEAKER
        ]
        assert isinstance(alert, Alert)
        assert (alert.message, alert.severity) == (WHY, "critical")
        await stage.stop(supervisor, running)

        stage.missing = False
        again = stage.supervisor(Figures())
        running = asyncio.ensure_future(again.run())
        await until(clock, lambda: up(again) == {"h": True, "calm": True})
        await until(clock, lambda: not again.unready())
        await stage.stop(again, running)
    assert "host is left down" in [each["event"] for each in logged]
