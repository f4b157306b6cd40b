"""A daemon's end of a supervisor in a cluster that stands: a process of its own, and its handle."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from whispr_daemon import log
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap import overseers
from whispr_daemon.bootstrap.desired import Choice, Desired
from whispr_daemon.bootstrap.overseers import ActorOverseer
from whispr_daemon.bootstrap.reach import Reach, open_ports
from whispr_daemon.domain.unit import HostSpec, UnitSpec

STRATEGY = "ema_cross"
_SILENT_FOR = 3.0  # seconds, instead of fifteen


class Joined:
    """The process, as who started it sees it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def until(self, *, health_is_not: str = "") -> dict[str, Any]:
        """Return what it says once a supervisor answers whose host is up; maybe another one."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            if told["hosts"] and told["health"] != health_is_not:
                return told
        raise AssertionError("it has ended")

    def stop(self) -> int:
        """Let it stop the supervisor and its host; return its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(60)


@contextmanager
def joined(folder: Path, repo_root: Path, address: str) -> Iterator[Joined]:
    """Run one while the block lasts."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.ray_joined", str(folder), address],
        cwd=repo_root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Joined(process)
        process.kill()


async def join(folder: str, address: str) -> None:
    """Join the cluster; say on each change where the supervisor answers and who its hosts are.

    Stop when standard input ends.
    """
    log.configure("info", "json", sys.stderr)
    setattr(overseers, "_SILENT_FOR", _SILENT_FOR)  # noqa: B010 - it is Final
    reach = Reach(data=folder, partitions=1)
    unit = UnitSpec(strategy=STRATEGY, partition=0)
    async with open_ports(reach) as ports:
        desired = Desired(
            hosts=(HostSpec(host_id=STRATEGY, units=(unit,)),),
            choices=(Choice(id=STRATEGY, plugin=STRATEGY),),
        )
        await ports.store.set_desired(desired.encode())
    overseer = ActorOverseer(reach, address, SYSTEM_CLOCK, lambda _: None)
    ending = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    try:
        await overseer.start()
        watching = asyncio.create_task(overseer.watch())
        said = ""
        while not watching.done() and not ending.done():
            hosts = {each.host_id: each for each in await overseer.status()}
            up = {name: each.report.pid for name, each in hosts.items() if each.up and each.report}
            told = json.dumps({"health": overseer.health_url, "hosts": up})
            if told != said:
                said = told
                sys.stdout.write(f"{told}\n")
                sys.stdout.flush()
            await SYSTEM_CLOCK.sleep(0.1)
        await overseer.stop()
        await watching
    finally:
        await overseer.close()


if __name__ == "__main__":
    asyncio.run(join(*sys.argv[1:]))
