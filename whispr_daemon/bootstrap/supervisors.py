"""What a supervisor shows at its endpoints and tells the daemon; how it is built in an actor."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from whispr_daemon.adapters.api.health import Readiness, health_app
from whispr_daemon.adapters.api.server import HealthServer
from whispr_daemon.adapters.metrics import render
from whispr_daemon.adapters.runtimes.ray import RayCluster, RayRuntime
from whispr_daemon.bootstrap.desired import decode
from whispr_daemon.bootstrap.hosts import open_host
from whispr_daemon.bootstrap.reach import Reach, join
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.domain.unit import HostStatus, Sample
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.supervisor import Supervisor


class View:
    """What the endpoints show of a supervisor: from memory; only a release waits for the store."""

    def __init__(self, supervisor: Supervisor, tier: int) -> None:
        """``tier`` is shown."""
        self._supervisor = supervisor
        self._tier = tier

    async def ready(self) -> Readiness:
        """Say whether log and store answer and all units have caught up."""
        reasons = self._supervisor.unready()
        return Readiness(not reasons, reasons, self._supervisor.warnings())

    async def metrics(self) -> bytes:
        """Return the figures of every process as Prometheus text."""
        return render(self._supervisor.samples())

    async def status(self) -> Mapping[str, Any]:
        """Return how hosts and units stand; the figures are at /metrics."""
        reasons = self._supervisor.unready()
        hosts = [msgspec.to_builtins(status) for status in self._supervisor.status()]
        for host in hosts:
            if host["report"]:
                del host["report"]["metrics"]
        return {
            "tier": self._tier,
            "ready": not reasons,
            "reasons": reasons,
            "warnings": self._supervisor.warnings(),
            "hosts": hosts,
        }

    async def release(self, unit_id: str) -> bool:
        """End a unit's quarantine; False if it was in none."""
        return await self._supervisor.release(unit_id)


class Told(Value, frozen=True, kw_only=True):
    """What a supervisor in an actor tells the daemon."""

    health_url: str
    hosts: tuple[HostStatus, ...]
    fatal: str = ""


class Pushed(Value, frozen=True, kw_only=True):
    """What another process tells the supervisor in an actor."""

    samples: tuple[Sample, ...]
    troubles: tuple[Trouble, ...]


class SupervisorProcess:
    """A supervisor and its endpoints. With ports of its own, it is what an actor runs."""

    def __init__(self, supervisor: Supervisor, health: HealthServer, ports: AsyncExitStack) -> None:
        """``ports`` are closed with it."""
        self.supervisor = supervisor
        self._health = health
        self._ports = ports

    @property
    def health_url(self) -> str:
        """Where the endpoints answer, once open."""
        return self._health.url

    async def run(self) -> None:
        """Supervise until stopped, then let the hosts finish."""
        await self.supervisor.run()

    def stop(self) -> None:
        """Ask for a clean stop."""
        self.supervisor.stop()

    def report(self) -> bytes:
        """Return a Told as msgpack, without figures."""
        hosts = tuple(
            msgspec.structs.replace(
                status, report=status.report and msgspec.structs.replace(status.report, metrics=())
            )
            for status in self.supervisor.status()
        )
        return msgspec.msgpack.encode(
            Told(health_url=self.health_url, hosts=hosts, fatal=self.supervisor.fatal)
        )

    def push(self, process: str, body: bytes) -> None:
        """Take the figures of another process and what fails in it: a Pushed as msgpack."""
        found = msgspec.msgpack.decode(body, type=Pushed)
        self.supervisor.push(process, found.samples, found.troubles)

    async def close(self) -> None:
        """Stop answering; let go of the ports."""
        await self._health.stop()
        await self._ports.aclose()


def health_server(supervisor: Supervisor, reach: Reach) -> HealthServer:
    """Return the endpoints of a supervisor, not yet listening."""
    app = health_app(View(supervisor, reach.tier), reach.health_token or None)
    return HealthServer(app, reach.health_host, reach.health_port)


async def open_supervisor(context: bytes) -> SupervisorProcess:
    """Build the supervisor in an actor's process. ``context`` is a Reach as msgpack.

    Raises:
        Fatal: nothing is desired.
    """
    async with AsyncExitStack() as stack:
        reach, ports, body = await join(context, stack)
        runtime = RayRuntime(RayCluster.inside(), open_host, context, reach.data)
        supervisor = Supervisor(
            decode(body).hosts,
            runtime,
            (ports.log, ports.store),
            ports.clock,
            ports.metrics,
            reach.patience,
        )
        health = health_server(supervisor, reach)
        await health.start()
        return SupervisorProcess(supervisor, health, stack.pop_all())
