"""What the Ray tests run in processes of their own: a small supervisor, and a driver."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import msgspec

from tests.contract.counting_host import open_counting_host
from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.runtimes.ray import RayCluster, RayRuntime
from whispr_daemon.domain.unit import HostSpec, UnitSpec
from whispr_daemon.domain.value import Value

HOST = "watched"


class Seen(Value, frozen=True, kw_only=True):
    """What the supervisor tells."""

    pid: int
    host_pid: int = 0
    turns: int = 0
    pushed: str = ""


class KeepOne:
    """Starts one host whenever it does not answer."""

    def __init__(self, runtime: RayRuntime) -> None:
        self._runtime = runtime
        self._stopping = False
        self._seen = Seen(pid=os.getpid())

    async def run(self) -> None:
        spec = HostSpec(host_id=HOST, units=(UnitSpec(strategy="count", partition=0),))
        while not self._stopping:
            report = await self._runtime.report(HOST, 1.0)
            if report is None:
                await self._runtime.start(spec)
            elif report.units:
                self._seen = msgspec.structs.replace(
                    self._seen, host_pid=report.pid, turns=report.units[0].turns
                )
            await SystemClock().sleep(0.05)
        await self._runtime.stop([HOST])

    def stop(self) -> None:
        self._stopping = True

    def report(self) -> bytes:
        return msgspec.msgpack.encode(self._seen)

    def push(self, process: str, body: bytes) -> None:
        self._seen = msgspec.structs.replace(self._seen, pushed=f"{process}: {body.decode()}")

    async def close(self) -> None:
        pass


async def open_supervisor(context: bytes) -> KeepOne:
    """``context`` is the path of a folder, for the host and for what it prints."""
    folder = context.decode()
    return KeepOne(RayRuntime(RayCluster.inside(), open_counting_host, context, folder))


async def drive(folder: str) -> None:
    """Own a cluster with one host, say so on stdout, end it all on SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    told: list[str] = []
    cluster = RayCluster(progress=told.append)
    runtime = RayRuntime(cluster, open_counting_host, folder.encode(), folder)
    try:
        await cluster.open()
        await runtime.start(HostSpec(host_id="h", units=(UnitSpec(strategy="s", partition=0),)))
        while (report := await runtime.report("h", 5.0)) is None or not report.units:
            await SystemClock().sleep(0.05)
        home = Path(os.environ["RAY_AUTH_TOKEN_PATH"]).parent
        sys.stdout.write(json.dumps({"host": report.pid, "home": str(home), "told": told}) + "\n")
        sys.stdout.flush()
        await stopping.wait()
    finally:
        await runtime.close()
    sys.stdout.write(f"auth mode after: {os.environ.get('RAY_AUTH_MODE')}\n")


if __name__ == "__main__":
    asyncio.run(drive(sys.argv[1]))
