"""Hosts as actors: one process each."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from whispr_daemon.adapters.runtimes.ray.actor import NamedActor
from whispr_daemon.adapters.runtimes.ray.cluster import RayCluster
from whispr_daemon.adapters.runtimes.ray.files import StallNote, log_file
from whispr_daemon.adapters.runtimes.ray.recipe import Recipe, name_of
from whispr_daemon.adapters.runtimes.ray.shell import HostShell
from whispr_daemon.adapters.runtimes.runnable import HostBuilder
from whispr_daemon.domain.unit import HostReport, HostSpec

_STOP_WITHIN: Final = 4.0  # seconds


class RayRuntime:
    """Runs every host in a detached actor ``host:<host_id>``.

    The host begins with its process, so that a crash needs no one but Ray to be repaired: the
    supervisor may be away meanwhile. An actor that is alive but makes no progress is the
    supervisor's to kill; Ray does not notice.
    """

    def __init__(
        self,
        cluster: RayCluster,
        build: HostBuilder,
        context: bytes,
        data: str | Path = "",
        stop_within: float = _STOP_WITHIN,
    ) -> None:
        """``build`` is called in the actor's process, with ``context`` and the host's spec.

        What a host prints is appended to ``logs/host-<host_id>.log`` in ``data`` (default: left
        in Ray's session folder). Hosts have ``stop_within`` seconds for a clean end.

        Raises:
            TypeError: ``build`` cannot be imported by another process.
        """
        self._cluster = cluster
        self._recipe = Recipe(build=name_of(build), context=context)
        self._data = data
        self._stop_within = stop_within
        self._actors: dict[str, NamedActor] = {}

    async def start(self, spec: HostSpec) -> bool:
        """Make the host run; one that already does, under the same spec, is left alone: False.

        Raises:
            Transient: Ray failed, or the actor's process cannot import what it should run.
        """
        recipe = msgspec.structs.replace(
            self._recipe,
            spec=msgspec.msgpack.encode(spec),
            log_file=log_file(self._data, f"host-{spec.host_id}"),
        )
        return await self._actor(spec.host_id).start(HostShell, recipe, self._stop_within)

    async def report(self, host_id: str, within: float) -> HostReport | None:
        """Ask a host how it stands; None if it is dead or does not answer in ``within`` seconds."""
        answer = await self._actor(host_id).ask("report", within=within)
        if answer is None:
            return None
        pid, body = answer
        if not body:
            return HostReport(host_id=host_id, pid=pid)
        return msgspec.msgpack.decode(body, type=HostReport)

    async def held_by(self, host_id: str) -> str:
        """Return the unit that does not give a host its loop back, as its process says just now."""
        return StallNote(self._data, host_id).read()

    async def kill(self, host_id: str) -> None:
        """End a host's process without asking it. Ray starts a new one.

        Raises:
            Transient: Ray failed.
        """
        await self._actor(host_id).kill()

    async def stop(self, host_ids: Sequence[str]) -> None:
        """Let hosts finish, all at once, and end their actors; whoever takes too long is killed.

        Raises:
            Transient: Ray failed.
        """
        ends = (self._actor(host_id).finish(self._stop_within) for host_id in host_ids)
        for error in await asyncio.gather(*ends, return_exceptions=True):
            if error is not None:  # only now: one that fails must not keep others from finishing
                raise error

    async def close(self) -> None:
        """Let go of the cluster; if it is ours, of all its processes."""
        await self._cluster.close()

    def _actor(self, host_id: str) -> NamedActor:
        return self._actors.setdefault(host_id, NamedActor(self._cluster, f"host:{host_id}"))
