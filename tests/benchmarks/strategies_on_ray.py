"""Many Python strategies in one actor of Ray: a daemon of tier 1, looked at from outside.

It takes a file of minutes of one symbol in, as fast as it can, once all units are live; what is
measured ends when all that they say of it is durable.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from tests.benchmarks.bars import generated, written
from tests.benchmarks.many_strategies import STALL_SECONDS, chosen
from tests.chaos.background import Background
from tests.chaos.places import Places
from tests.integration.daemons import Daemon, until
from tests.soak.watcher import Watcher
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store

_TIER: Final = 1
_WITHIN: Final = 900.0  # seconds: it only bounds what fails


class OnRay(NamedTuple):
    """What it took."""

    start: float  # seconds until all units were live
    events: int  # that each strategy was asked about, ticks of the clock apart
    seconds: float  # from then until all was durable
    cpu: Mapping[str, float]  # seconds of that, by process
    memory: Mapping[str, float]  # bytes at the end, by process
    said: int  # signals in the store


def on_ray(count: int, minutes: int, folder: Path) -> OnRay:
    """Run so many strategies in a new folder; afterwards nothing of the daemon is left."""
    folder.mkdir()
    files = written(generated(minutes, 1), folder)
    settings = {
        "tier": _TIER,
        "rules": {"dir": None},
        "strategies": chosen(count),
        "stall_seconds": STALL_SECONDS,
        "source": {"kind": "files", "paths": [str(files.minutes)]},
        "outlets": [{"kind": "redis"}],
        "health": {"port": 0},
        "log": {"level": "warning"},
    }
    with ExitStack() as stack:
        daemon = Daemon(folder, settings)
        stack.callback(daemon.discard)
        began = SYSTEM_CLOCK.monotonic()
        daemon.start()
        until(lambda: _live(daemon, count), within=_WITHIN)
        up = SYSTEM_CLOCK.monotonic()
        watcher = stack.enter_context(Watcher(daemon, _TIER))
        before = watcher.cpu()
        loop = stack.enter_context(Background("benchmark"))
        opened = AsyncExitStack()
        log, store = loop.do(Places(_TIER, daemon, None).opened(opened))
        stack.callback(lambda: loop.do(opened.aclose()))
        until(lambda: loop.do(_durable(log, store, minutes)), within=_WITHIN)
        seconds = SYSTEM_CLOCK.monotonic() - up
        after = watcher.cpu()
        memory = {name: found["memory"] for name, found in watcher.processes().items()}
        said = sum(mark.out_seq for mark in loop.do(store.marks()).values())
    used = {name: spent - before.get(name, 0.0) for name, spent in after.items()}
    return OnRay(up - began, minutes, seconds, used, memory, said)


def _live(daemon: Daemon, count: int) -> bool:
    """Whether all units of so many strategies are at work."""
    if daemon.running() is None:
        return False
    units = [unit for host in daemon.hosts() for unit in host["report"]["units"]]
    strategies = {unit["unit_id"].rpartition("/")[0] for unit in units if unit["state"] == "live"}
    return len(strategies) == count and all(unit["state"] == "live" for unit in units)


async def _durable(log: EventLog, store: Store, rows: int) -> bool:
    """Whether all rows are in the log, and all that units say of them in the store."""
    tails = [await log.tail(partition) for partition in range(log.partitions)]
    taken = max((max(tail.marks.values(), default=0) for tail in tails if tail), default=0)
    if taken < rows:
        return False
    for name, mark in (await store.marks()).items():
        strategy, _, partition = name.rpartition("/")
        tail = tails[int(partition)] if strategy else None
        if tail is not None and mark.wm < tail.position:
            return False
    return True
