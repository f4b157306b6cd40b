"""Where the time of a tick that is answered goes: stamps along the daemon's path, by its parts.

They are taken in the daemon's own process, between what it has of the world and what uses that.
"""

import struct
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, Final

import msgspec

from tests.benchmarks.market import ANSWERED
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.stores.news import News
from whispr_daemon.bootstrap.reach import Reach
from whispr_daemon.engine.unit import Ports
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.outlet import Outlet
from whispr_daemon.ports.store import Commit, StoredOutput

PARTS: Final = (
    "due until taken in",
    "taken in until durable",
    "durable until evaluated",
    "evaluated until committed and with the relay",
    "with the relay until delivered",
)
_STAMPS: Final = struct.Struct(f"<{len(PARTS) + 1}q")  # ns UTC: due, and the end of each part


class Trace:
    """Stamps of the ticks that are under way, by when they were due; written when delivered."""

    def __init__(self, path: Path) -> None:
        """A file gets the stamps of each."""
        self._file = path.open("ab", buffering=0)
        self._durable: dict[int, tuple[int, int]] = {}
        self._evaluated: dict[int, int] = {}
        self._with_relay: dict[str, int] = {}

    def durable(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Note that entries were appended."""
        now = SYSTEM_CLOCK.now()
        for _, entry in entries:
            for ts in entry.rows["ts"][entry.rows["volume"] == ANSWERED].tolist():
                self._durable[ts] = (entry.ts_ingest, now)

    def evaluated(self, commit: Commit) -> None:
        """Note that a commit begins in this process."""
        now = SYSTEM_CLOCK.now()
        self._evaluated.update((output.ts_event, now) for output in commit.outputs)

    def with_relay(self, outputs: Sequence[StoredOutput]) -> None:
        """Note that a relay has read outputs."""
        now = SYSTEM_CLOCK.now()
        self._with_relay.update((each.output.id, now) for each in outputs)

    def delivered(self, outputs: Sequence[StoredOutput]) -> None:
        """Write down how outputs came here. Those of other processes say when they were created."""
        now = SYSTEM_CLOCK.now()
        for each in outputs:
            ts = each.output.ts_event
            found = self._durable.pop(ts, None)
            if found is not None:
                evaluated = self._evaluated.pop(ts, each.created)
                with_relay = self._with_relay.pop(each.output.id)
                self._file.write(_STAMPS.pack(ts, *found, evaluated, with_relay, now))


class _Log:
    """A log that is looked at."""

    def __init__(self, log: Any, trace: Trace) -> None:
        self._log, self._trace = log, trace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        await self._log.append(entries)
        self._trace.durable(entries)


class _Store:
    """A store that is looked at."""

    def __init__(self, store: Any, trace: Trace) -> None:
        self._store, self._trace = store, trace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        self._trace.evaluated(commit)
        await self._store.commit(commit)

    async def outputs(self, after: Mapping[str, int], limit: int) -> Sequence[StoredOutput]:
        found: Sequence[StoredOutput] = await self._store.outputs(after, limit)
        self._trace.with_relay(found)
        return found


class TracedOutlet:
    """An outlet that is looked at."""

    def __init__(self, outlet: Outlet, trace: Trace) -> None:
        """What it is given is passed on."""
        self._outlet, self._trace = outlet, trace

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Open it."""
        return await self._outlet.open(epoch, receipt)

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Send, then note that."""
        receipt = await self._outlet.send(outputs)
        self._trace.delivered(outputs)
        return receipt

    async def close(self) -> None:
        """Close it."""
        await self._outlet.close()


def traced(
    open_ports: Callable[[Reach, News], AbstractAsyncContextManager[Ports]], trace: Trace
) -> Callable[[Reach, News], AbstractAsyncContextManager[Ports]]:
    """Return what opens ports that are looked at."""

    @asynccontextmanager
    async def opened(reach: Reach, news: News) -> AsyncIterator[Ports]:
        async with open_ports(reach, news) as ports:
            log: Any = _Log(ports.log, trace)
            store: Any = _Store(ports.store, trace)
            yield msgspec.structs.replace(ports, log=log, store=store)

    return opened


def parts_in(file: Path, after: int) -> Mapping[str, float]:
    """Return what each part takes at the median, in seconds, of ticks due after ``after``, ns."""
    body = file.read_bytes()
    found = [
        stamps
        for stamps in _STAMPS.iter_unpack(body[: len(body) - len(body) % _STAMPS.size])
        if stamps[0] > after
    ]
    if not found:
        return MappingProxyType({})
    return {
        name: median(stamps[place + 1] - stamps[place] for stamps in found) / 1e9
        for place, name in enumerate(PARTS)
    }
