"""The supervisor with its endpoints: as a task of this process, or in an actor of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import msgspec
import structlog

from whispr_daemon.adapters.api.health import Readiness, health_app
from whispr_daemon.adapters.api.server import HealthServer
from whispr_daemon.adapters.metrics import render
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.adapters.runtimes.ray import RayCluster, RayRuntime, RaySupervisor
from whispr_daemon.bootstrap.desired import decode
from whispr_daemon.bootstrap.hosts import open_host
from whispr_daemon.bootstrap.reach import Reach, join
from whispr_daemon.bootstrap.servers import Tell
from whispr_daemon.domain.errors import Fatal, Transient
from whispr_daemon.domain.unit import HostStatus, Sample
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.ports.clock import Clock

_ASK_EVERY: Final = 0.5  # seconds between two questions to the supervisor's actor
_ANSWER_WITHIN: Final = 2.0  # seconds
_SILENT_FOR: Final = 15.0  # seconds without one after which it is killed; a start takes some
_ABSENT_FOR: Final = 60.0  # seconds without an answer after which the daemon gives up


class View:
    """What the endpoints show of a supervisor: from memory; only a release waits for the store."""

    def __init__(self, supervisor: Supervisor, tier: int) -> None:
        """``tier`` is shown."""
        self._supervisor = supervisor
        self._tier = tier

    async def ready(self) -> Readiness:
        """Say whether log and store answer and all units have caught up."""
        reasons = self._supervisor.unready()
        return Readiness(not reasons, reasons)

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
        return {"tier": self._tier, "ready": not reasons, "reasons": reasons, "hosts": hosts}

    async def release(self, unit_id: str) -> bool:
        """End a unit's quarantine; False if it was in none."""
        return await self._supervisor.release(unit_id)


class Told(Value, frozen=True, kw_only=True):
    """What a supervisor in an actor tells the daemon."""

    health_url: str
    hosts: tuple[HostStatus, ...]
    fatal: str = ""


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
        """Take the figures of another process: samples as msgpack."""
        self.supervisor.push(process, msgspec.msgpack.decode(body, type=tuple[Sample, ...]))

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


class LocalOverseer:
    """The supervisor as a task of this process (tier 0)."""

    def __init__(self, supervisor: Supervisor, runtime: LocalRuntime, health: HealthServer) -> None:
        """``runtime`` runs the hosts; ``health`` shows the supervisor."""
        self._supervisor = supervisor
        self._runtime = runtime
        self._health = health

    @property
    def health_url(self) -> str:
        """Where the endpoints answer, once started."""
        return self._health.url

    async def start(self) -> None:
        """Answer on the endpoints.

        Raises:
            SettingsError: the port is in use.
        """
        await self._health.start()

    async def watch(self) -> None:
        """Supervise until stopped and the hosts have finished.

        Raises:
            Fatal: a host has ended for good.
        """
        await self._supervisor.run()
        if self._supervisor.fatal:
            raise Fatal(self._supervisor.fatal)

    async def push(self, process: str, samples: tuple[Sample, ...]) -> None:
        """Show a process's figures."""
        self._supervisor.push(process, samples)

    async def status(self) -> Sequence[HostStatus]:
        """Return how the hosts stand."""
        return self._supervisor.status()

    async def stop(self) -> None:
        """Let hosts finish; :meth:`watch` returns when they have."""
        self._supervisor.stop()

    async def close(self) -> None:
        """Stop answering; end hosts that still run."""
        await self._health.stop()
        await self._runtime.close()


class ActorOverseer:
    """The daemon's end of a supervisor in an actor (tier 1). Its death leaves the data path alone.

    Ray starts it again; one that is stopped is killed first. A cluster that is lost is made anew:
    what should run in it is in the store. Only a supervisor that stays away takes the daemon down.
    """

    def __init__(self, reach: Reach, address: str, clock: Clock, tell: Tell) -> None:
        """``address`` is of a standing cluster; empty: one of our own, that ends with us."""
        self._reach, self._address = reach, address
        self._clock, self._tell = clock, tell
        self._cluster, self._supervisor = self._new()
        self._whole = asyncio.Lock()  # held while the cluster is made anew, or left
        self._told = Told(health_url="", hosts=())
        self._stopping = False
        self._journal = structlog.get_logger("whispr.overseer")

    @property
    def health_url(self) -> str:
        """Where the endpoints answer, once started."""
        return self._told.health_url

    async def start(self) -> None:
        """Start the cluster and the supervisor in it; return when it answers.

        Raises:
            Fatal: it does not.
        """
        await self._cluster.open()
        await self._supervisor.start()
        await self._until_it_answers()

    async def watch(self) -> None:
        """Return when asked to stop.

        Raises:
            Fatal: a host has ended for good, or the supervisor stayed away for a minute.
        """
        while not self._stopping:
            await self._until_it_answers()
            await self._clock.sleep(_ASK_EVERY)

    async def push(self, process: str, samples: tuple[Sample, ...]) -> None:
        """Show a process's figures; while the supervisor is away, nobody sees them."""
        if not self._whole.locked():
            await self._supervisor.push(process, msgspec.msgpack.encode(samples), _ANSWER_WITHIN)

    async def status(self) -> Sequence[HostStatus]:
        """Return how the hosts stood when the supervisor was last asked."""
        return self._told.hosts

    async def stop(self) -> None:
        """Let the supervisor stop its hosts and end."""
        self._stopping = True
        async with self._whole:
            await self._supervisor.stop()

    async def close(self) -> None:
        """Leave the cluster; one of our own ends."""
        await self._cluster.close()

    def _new(self) -> tuple[RayCluster, RaySupervisor]:
        cluster = RayCluster(self._address, self._tell)
        context = msgspec.msgpack.encode(self._reach)
        return cluster, RaySupervisor(cluster, open_supervisor, context, self._reach.data)

    async def _until_it_answers(self) -> None:
        since = self._clock.monotonic()
        killed = False
        while not self._stopping:
            if self._cluster.lost:
                await self._make_anew()
                since = self._clock.monotonic()
            body = await self._supervisor.report(_ANSWER_WITHIN)
            if body:
                self._told = msgspec.msgpack.decode(body, type=Told)
                if self._told.fatal:
                    raise Fatal(self._told.fatal)
                return
            silent = self._clock.monotonic() - since
            if silent > _ABSENT_FOR:
                raise Fatal(
                    f"the supervisor's actor has not answered for {_ABSENT_FOR:g} s; see "
                    "logs/supervisor.log in the data folder"
                )
            if self._told.health_url and not killed and silent > _SILENT_FOR:
                killed = True
                await self._kill()
            await self._clock.sleep(_ASK_EVERY)

    async def _kill(self) -> None:
        """End a supervisor that is silent, so that Ray starts another."""
        self._journal.error("supervisor does not answer, killing it")
        try:
            await self._supervisor.kill()
        except Transient as error:
            self._journal.error("supervisor cannot be killed", error=str(error))
            if self._address:  # nobody sees its processes from here: it may be another by now
                await self._make_anew()

    async def _make_anew(self) -> None:
        """Leave a cluster that is lost and start, or join, another.

        Raises:
            Fatal: there is none.
        """
        async with self._whole:
            self._journal.error("the Ray cluster is lost, making it anew")
            await self._cluster.close()
            self._cluster, self._supervisor = self._new()
            await self._cluster.open()
            await self._supervisor.start()
