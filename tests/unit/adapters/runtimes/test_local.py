"""Hosts as tasks: nothing runs on after the runtime is closed."""

import asyncio

from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.domain.unit import HostReport, HostSpec

SPEC = HostSpec(host_id="a", units=())


class Busy:
    """A host in the middle of something: asked to stop, it goes on."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.asked = asyncio.Event()
        self.closed = False

    async def run(self) -> None:
        self.running.set()
        await asyncio.Event().wait()

    def stop(self) -> None:
        self.asked.set()

    def report(self) -> HostReport:
        return HostReport(host_id="a", pid=1)

    async def close(self) -> None:
        self.closed = True


async def test_a_stop_that_is_cancelled_leaves_no_host_running_after_the_close() -> None:
    host = Busy()

    async def build(_spec: HostSpec) -> Busy:
        return host

    runtime = LocalRuntime(build)
    await runtime.start(SPEC)
    await host.running.wait()

    stopping = asyncio.create_task(runtime.stop(["a"]))
    await host.asked.wait()
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    await runtime.close()

    assert host.closed
