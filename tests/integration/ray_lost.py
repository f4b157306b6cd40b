"""What the test of a lost cluster runs in a process of its own: a daemon's end of it, no daemon."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.desired import Desired
from whispr_daemon.bootstrap.overseers import ActorOverseer
from whispr_daemon.bootstrap.reach import Reach, open_ports


def say(**told: object) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def lose(folder: str) -> None:
    """Kill what the cluster consists of; say whether a supervisor answers before and after."""
    reach = Reach(data=folder, partitions=1)
    async with open_ports(reach) as ports:
        await ports.store.set_desired(Desired(hosts=()).encode())
    overseer = ActorOverseer(reach, "", SYSTEM_CLOCK, lambda _: None)
    try:
        await overseer.start()
        before = overseer.health_url
        cluster = psutil.Process().children(recursive=True)
        for process in cluster:
            if process.name() in ("gcs_server", "raylet"):
                process.kill()
        began = SYSTEM_CLOCK.monotonic()
        watching = asyncio.create_task(overseer.watch())
        while overseer.health_url in ("", before) and not watching.done():
            await overseer.push("daemon", ())
            await SYSTEM_CLOCK.sleep(0.1)
        taken = SYSTEM_CLOCK.monotonic() - began
        left = []
        for process in cluster:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    left.append(process.name())
        await overseer.stop()
        await watching
        say(before=before, after=overseer.health_url, left=left, seconds=taken)
    finally:
        await overseer.close()
    say(processes=[each.name() for each in psutil.Process().children(recursive=True)])


if __name__ == "__main__":
    asyncio.run(lose(str(Path(sys.argv[1]))))
