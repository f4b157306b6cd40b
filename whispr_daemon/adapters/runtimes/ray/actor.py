"""One actor by name: found or made, asked with a deadline, ended."""

import asyncio
from functools import partial
from typing import Any, Final

import msgspec
import structlog

from whispr_daemon.adapters.runtimes.ray.cluster import NAMESPACE, RayCluster
from whispr_daemon.adapters.runtimes.ray.recipe import Recipe
from whispr_daemon.adapters.runtimes.ray.shell import HostShell, SupervisorShell
from whispr_daemon.domain.errors import Transient

_BORN_WITHIN: Final = 5.0  # seconds


class NamedActor:
    """A detached actor ``name@fingerprint``, which Ray starts again whenever its process dies.

    The fingerprint of its recipe is part of the name, so whether it is the wanted one is known
    without asking it: one that is busy, stopped or just being restarted could not answer.
    """

    def __init__(self, cluster: RayCluster, name: str) -> None:
        """Nothing is made yet."""
        self.name = name
        self._cluster = cluster
        self._handle: Any = None
        self._journal = structlog.get_logger("whispr.runtime").bind(actor=name)

    async def start(
        self, shell: type[HostShell | SupervisorShell], recipe: Recipe, stop_within: float
    ) -> bool:
        """Make the actor, if there is none of this recipe, and return whether there was none.

        One of another recipe is ended first.

        Raises:
            Transient: Ray failed, or the actor's process cannot import what it should run.
        """
        import ray

        wanted = f"{self.name}@{recipe.fingerprint}"
        found = await self._cluster.call(self._names)
        for other in found - {wanted}:
            self._journal.warning("ending an actor of another recipe", found=other, wanted=wanted)
            self._handle = await self._cluster.call(partial(_get, other))
            await self.finish(stop_within)

        def make() -> Any:
            actor = ray.remote(shell).options(
                name=wanted,
                namespace=NAMESPACE,
                lifetime="detached",
                get_if_exists=True,
                max_restarts=-1,
                max_task_retries=0,
                num_cpus=0,
            )
            return actor.remote(msgspec.msgpack.encode(recipe))

        self._handle = await self._cluster.call(make)
        if wanted in found:
            return False
        await self._see_born()
        return True

    async def ask(self, method: str, *arguments: object, within: float) -> Any:
        """Call a method; None if the actor is dead, away or silent for ``within`` seconds.

        An exception of the method itself is raised: it is a bug.
        """
        from ray.exceptions import RayError, RayTaskError

        try:
            async with asyncio.timeout(within):
                handle = await self._find()
                return None if handle is None else await getattr(handle, method).remote(*arguments)
        except RayTaskError:
            raise
        except (TimeoutError, Transient):
            return None
        except RayError:  # its process died, or it is dead for ever: look it up again
            self._handle = None
            return None

    async def kill(self) -> None:
        """End the process. Ray starts a new one, also in place of one that is stopped."""
        import ray

        handle = await self._find()
        if handle is not None:
            await self._cluster.call(lambda: ray.kill(handle, no_restart=False))

    async def finish(self, within: float) -> None:
        """Let the actor finish for ``within`` seconds, then end it for ever."""
        import ray

        handle = await self._find()
        if handle is None:
            return
        if await self.ask("stop", within=within) is None:
            self._journal.error("actor did not stop cleanly, killing it", within=within)
        self._handle = None
        await self._cluster.call(lambda: ray.kill(handle, no_restart=True))

    async def _find(self) -> Any:
        if self._handle is None:
            self._handle = await self._cluster.call(
                lambda: next((_get(name) for name in sorted(self._names())), None)
            )
        return self._handle

    async def _see_born(self) -> None:
        """Tell an actor that cannot be constructed from one that is slow: Ray drops the former."""
        from ray.exceptions import ActorDiedError, ActorUnavailableError

        try:
            async with asyncio.timeout(_BORN_WITHIN):
                await self._handle.report.remote()
        except ActorDiedError as error:
            self._handle = None
            raise Transient(f"the actor of {self.name} did not start: {error}") from error
        except (TimeoutError, ActorUnavailableError):
            self._journal.info("actor is slow to start", seconds=_BORN_WITHIN)

    def _names(self) -> set[str]:
        from ray.util import list_named_actors

        named = {
            each["name"]
            for each in list_named_actors(all_namespaces=True)
            if each["namespace"] == NAMESPACE
        }
        return {name for name in named if name.rpartition("@")[0] == self.name}


def _get(name: str) -> Any:
    import ray

    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:  # it has died in the meantime
        return None
