"""The supervisor as an actor: it outlives the death of its process, the hosts do not need it."""

from pathlib import Path
from typing import Final

from whispr_daemon.adapters.runtimes.ray.actor import NamedActor
from whispr_daemon.adapters.runtimes.ray.cluster import RayCluster
from whispr_daemon.adapters.runtimes.ray.files import log_file
from whispr_daemon.adapters.runtimes.ray.recipe import Recipe, name_of
from whispr_daemon.adapters.runtimes.ray.shell import SupervisorShell
from whispr_daemon.adapters.runtimes.runnable import SupervisorBuilder

_STOP_WITHIN: Final = 8.0  # seconds; its hosts have 4 of them


class RaySupervisor:
    """The daemon's end of the one detached actor ``supervisor``.

    Inside, ``build`` gives its supervisor a ``RayRuntime(RayCluster.inside(), …)``. Stop it before
    the hosts: it would start them again. On a clean stop it stops them itself.
    """

    def __init__(
        self,
        cluster: RayCluster,
        build: SupervisorBuilder,
        context: bytes,
        data: str | Path = "",
        stop_within: float = _STOP_WITHIN,
    ) -> None:
        """``build`` is called in the actor's process, with ``context``.

        What it prints is appended to ``logs/supervisor.log`` in ``data`` (default: left in Ray's
        session folder). It and its hosts have ``stop_within`` seconds for a clean end.

        Raises:
            TypeError: ``build`` cannot be imported by another process.
        """
        self._recipe = Recipe(
            build=name_of(build), context=context, log_file=log_file(data, "supervisor")
        )
        self._actor = NamedActor(cluster, "supervisor")
        self._stop_within = stop_within

    async def start(self) -> None:
        """Make it run; one that already does, with the same context, is left alone.

        Raises:
            Transient: Ray failed, or the actor's process cannot import what it should run.
        """
        await self._actor.start(SupervisorShell, self._recipe, self._stop_within)

    async def report(self, within: float) -> bytes | None:
        """Ask how all stands; empty while it is built, None if it does not answer in time."""
        answer: bytes | None = await self._actor.ask("report", within=within)
        return answer

    async def push(self, process: str, body: bytes, within: float) -> bool:
        """Hand over what another process wants to be known; False if nobody took it."""
        return bool(await self._actor.ask("push", process, body, within=within))

    async def kill(self) -> None:
        """End its process without asking. Ray starts a new one, the hosts go on.

        Raises:
            Transient: Ray failed.
        """
        await self._actor.kill()

    async def stop(self) -> None:
        """Let it stop its hosts and finish, then end the actor; too slow a one is killed.

        Raises:
            Transient: Ray failed.
        """
        await self._actor.finish(self._stop_within)
