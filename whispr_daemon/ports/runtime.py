"""Where hosts run: tasks of this process, or actors of a cluster."""

from collections.abc import Sequence
from typing import Protocol

from whispr_daemon.domain.unit import HostReport, HostSpec


class Runtime(Protocol):
    """Places hosts, asks them how they are, ends them. It never carries events."""

    async def start(self, spec: HostSpec) -> bool:
        """Make the host run; one that already does, under the same spec, is left alone: False."""
        ...

    async def report(self, host_id: str, within: float) -> HostReport | None:
        """Ask a host how it stands; None if it is dead or does not answer in ``within`` seconds."""
        ...

    async def held_by(self, host_id: str) -> str:
        """Return the unit that does not give a host its loop back; empty: none, or nobody knows."""
        ...

    async def kill(self, host_id: str) -> None:
        """End a host without asking it. It can be started again."""
        ...

    async def stop(self, host_ids: Sequence[str]) -> None:
        """Let hosts finish: last commit, snapshot, end."""
        ...

    async def close(self) -> None:
        """Let go of the cluster."""
        ...
