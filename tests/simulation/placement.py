"""The Runtime port in simulation: hosts that are killed, stopped, and cut off while they run on."""

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tests.simulation.process import Process
from whispr_daemon.domain.unit import HostReport, HostSpec
from whispr_daemon.engine.host import Host

Launch = Callable[[Process, Callable[[], Coroutine[Any, Any, None]]], None]


class Placement:
    """Runs every host in a process of its own. It outlives the supervisor, as a cluster does."""

    def __init__(
        self,
        build: Callable[[HostSpec, Process], Host],
        launch: Launch,
        seen: Counter[str],
    ) -> None:
        """``launch`` lets a process run; ``seen`` counts what was done."""
        self._build, self._launch, self._seen = build, launch, seen
        self.processes: dict[str, Process] = {}
        self.zombies: list[Process] = []
        self._hosts: dict[str, Host] = {}

    async def start(self, spec: HostSpec) -> bool:
        """Make the host run; one that already does is left alone: False."""
        host_id = spec.host_id
        if host_id in self.processes and self.processes[host_id].alive:
            return False
        process = self.processes[host_id] = Process(host_id)
        host = self._hosts[host_id] = self._build(spec, process)
        self._seen["started a host"] += 1
        self._launch(process, host.run)
        return True

    async def report(self, host_id: str, within: float) -> HostReport | None:
        """Ask a host; who is stopped or cut off does not answer in time."""
        process = self.processes.get(host_id)
        if process is None or not process.alive:
            return None
        if process.stopped or process.cut_off:
            await Process("network").sleep(within)
            return None
        return self._hosts[host_id].report()

    async def held_by(self, host_id: str) -> str:
        """Nobody knows."""
        return ""

    async def kill(self, host_id: str) -> None:
        """Kill a host; one that is cut off only counts as dead."""
        process = self.processes.pop(host_id, None)
        if process is None:
            return
        self._seen["killed a host that stood still"] += 1
        if process.cut_off:
            self.zombies.append(process)
        else:
            process.kill()

    def give_up(self, process: Process) -> None:
        """Take a host for dead at once, as a cluster does whose node is cut off."""
        if self.processes.get(process.name) is process:
            del self.processes[process.name]
            self.zombies.append(process)

    async def stop(self, host_ids: Sequence[str]) -> None:
        """Let hosts finish."""
        for host_id in host_ids:
            self._hosts[host_id].stop()

    async def close(self) -> None:
        """Nothing is held."""
