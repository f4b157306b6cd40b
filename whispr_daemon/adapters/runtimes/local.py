"""Hosts as tasks of this process."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from whispr_daemon.adapters.runtimes.runnable import HostFactory, RunnableHost, end_process
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.unit import HostReport, HostSpec

_STOP_WITHIN: Final = 4.0  # seconds


class _Hosted:
    """One host and the task it runs in."""

    def __init__(self, spec: HostSpec, factory: HostFactory) -> None:
        self.spec = spec
        self.host: RunnableHost | None = None
        self.stopping = False
        self.task = asyncio.create_task(self._live(factory), name=spec.host_id)

    async def _live(self, factory: HostFactory) -> None:
        self.host = await factory(self.spec)
        try:
            if not self.stopping:
                await self.host.run()
        finally:
            await self.host.close()

    @property
    def alive(self) -> bool:
        """Whether it runs, or has returned in order: then it can still be asked."""
        return not self.task.done() or not (self.task.cancelled() or self.task.exception())

    def stop(self) -> None:
        """Ask for a clean end; one that is still being built is not run at all."""
        self.stopping = True
        if self.host is not None:
            self.host.stop()

    async def cancel(self) -> None:
        """End it without asking."""
        self.task.cancel()
        await asyncio.wait({self.task})


class LocalRuntime:
    """Runs every host on the loop that starts it. No isolation: for one process, and for tests.

    A host that fails is logged and reported as dead (None), so that the supervisor starts it
    again. One that was fenced calls ``on_fenced``, which ends the process: it is a zombie.
    """

    def __init__(
        self,
        factory: HostFactory,
        on_fenced: Callable[[], None] = end_process,
        stop_within: float = _STOP_WITHIN,
    ) -> None:
        """Hosts have ``stop_within`` seconds for a clean end, then they are cancelled."""
        self._factory = factory
        self._on_fenced = on_fenced
        self._stop_within = stop_within
        self._hosted: dict[str, _Hosted] = {}
        self._journal = structlog.get_logger("whispr.runtime")

    async def start(self, spec: HostSpec) -> bool:
        """Make the host run; one that already does, under the same spec, is left alone: False."""
        hosted = self._hosted.get(spec.host_id)
        if hosted is not None and hosted.alive:
            if hosted.spec == spec:
                return False
            await self._finish(hosted)
        hosted = self._hosted[spec.host_id] = _Hosted(spec, self._factory)
        hosted.task.add_done_callback(lambda task: self._ended(spec.host_id, task))
        return True

    async def report(self, host_id: str, within: float) -> HostReport | None:
        """Ask a host how it stands; None if it is dead. On one loop an answer takes no time."""
        hosted = self._hosted.get(host_id)
        if hosted is None or not hosted.alive:
            return None
        if hosted.host is None:
            return HostReport(host_id=host_id, pid=os.getpid())
        return hosted.host.report()

    def reports(self) -> Sequence[HostReport]:
        """Return how the hosts stand that are built; from any thread, as long as none of them runs.

        That is what somebody else wants to know while one of them does not give the loop back.
        """
        hosted = list(self._hosted.values())
        return [each.host.report() for each in hosted if each.host is not None and each.alive]

    async def held_by(self, host_id: str) -> str:
        """Return nothing: whoever can ask has the loop, so no unit of a host here has it."""
        return ""

    async def kill(self, host_id: str) -> None:
        """Cancel a host. It can be started again."""
        hosted = self._hosted.pop(host_id, None)
        if hosted is not None:
            await hosted.cancel()

    async def stop(self, host_ids: Sequence[str]) -> None:
        """Let hosts finish, all at once; whoever takes too long is cancelled."""
        found = [each for each in host_ids if each in self._hosted]
        await asyncio.gather(*(self._finish(self._hosted[each]) for each in found))
        for each in found:  # only now: a stop that is itself cancelled leaves them to close()
            self._hosted.pop(each, None)

    async def close(self) -> None:
        """Cancel what still runs."""
        for host_id in list(self._hosted):
            await self.kill(host_id)

    async def _finish(self, hosted: _Hosted) -> None:
        hosted.stop()
        await asyncio.wait({hosted.task}, timeout=self._stop_within)
        if not hosted.task.done():
            self._journal.error(
                "host did not stop in time, cancelling it",
                host=hosted.spec.host_id,
                seconds=self._stop_within,
            )
            await hosted.cancel()

    def _ended(self, host_id: str, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self._journal.critical("host failed", host=host_id, error=repr(error), exc_info=error)
        if isinstance(error, Fenced):
            self._on_fenced()
