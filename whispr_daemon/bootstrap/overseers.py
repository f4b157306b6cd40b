"""The daemon's end of its supervisor: a task of this process, or an actor of its own."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import structlog

from whispr_daemon.adapters.api.server import HealthServer
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.adapters.runtimes.ray import RayCluster, RaySupervisor
from whispr_daemon.bootstrap.reach import Reach
from whispr_daemon.bootstrap.servers import Tell
from whispr_daemon.bootstrap.supervisors import Pushed, Told, open_supervisor
from whispr_daemon.domain.errors import Fatal, Transient
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.domain.unit import HostStatus, Sample
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.ports.clock import Clock

_ASK_EVERY: Final = 0.5  # seconds between two questions to the supervisor's actor
_ANSWER_WITHIN: Final = 2.0  # seconds
_SILENT_FOR: Final = 15.0  # seconds without one after which it is killed; a start takes some
_ABSENT_FOR: Final = 60.0  # seconds without an answer after which the daemon gives up


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

    async def push(
        self, process: str, samples: tuple[Sample, ...], troubles: tuple[Trouble, ...] = ()
    ) -> None:
        """Show a process's figures, and what fails in it."""
        self._supervisor.push(process, samples, troubles)

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

    def __init__(
        self,
        reach: Reach,
        address: str,
        clock: Clock,
        tell: Tell,
        moved: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``address`` is of a standing cluster; empty: one of our own, that ends with us.

        ``moved`` is told where the endpoints answer when another supervisor has taken a new port.
        """
        self._reach, self._address = reach, address
        self._clock, self._tell, self._moved = clock, tell, moved
        self._cluster, self._supervisor = self._new()
        self._whole = asyncio.Lock()  # held while the cluster is made anew, or left
        self._told = Told(health_url="", hosts=())
        self._known_at = ""  # where others know the endpoints to be
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

    async def push(
        self, process: str, samples: tuple[Sample, ...], troubles: tuple[Trouble, ...] = ()
    ) -> None:
        """Show a process's figures and what fails; while the supervisor is away, nobody sees."""
        if not self._whole.locked():
            body = msgspec.msgpack.encode(Pushed(samples=samples, troubles=troubles))
            await self._supervisor.push(process, body, _ANSWER_WITHIN)

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
                self._learn(msgspec.msgpack.decode(body, type=Told))
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

    def _learn(self, told: Told) -> None:
        self._told = told
        if told.fatal:
            raise Fatal(told.fatal)
        known, url = self._known_at, told.health_url
        if known not in ("", url):
            self._journal.warning("health and metrics answer elsewhere", url=url)
            try:
                self._moved(url)
            except OSError as error:  # a full disk: the next answer tries again
                self._journal.error("cannot be written down", error=str(error))
                return
        self._known_at = url

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
