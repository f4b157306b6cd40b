"""The daemon's ends in a benchmark: a source that reads a socket, an outlet that notes the time.

They are put into the daemon's process before it starts, and into no other.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from tests.benchmarks.trace import Trace, TracedOutlet, traced
from tests.integration.daemons import changed_by
from tests.soak.feed import SYMBOLS
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap import assembly
from whispr_daemon.bootstrap.reach import Reach
from whispr_daemon.domain.batch import EVENT_DTYPE
from whispr_daemon.ports.outlet import Outlet
from whispr_daemon.ports.source import Source, SourceBatch
from whispr_daemon.ports.store import StoredOutput
from whispr_daemon.settings import OutletSettings, Settings

_AT_ONCE: Final = 2**20  # bytes
PAIR: Final = struct.Struct("<qq")  # ns UTC: when it happened, when it was seen


class Wire:
    """A source of whatever rows come over a socket."""

    name = "wire"
    total = None

    def __init__(self, path: Path) -> None:
        """``path`` is of the socket on which the sender listens."""
        self._path = path

    def describe(self, seq: int) -> str:
        """Say which row it is."""
        return f"row {seq} of the wire"

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield rows as they come, all that are there at once."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as end:
            end.setblocking(False)
            await loop.sock_connect(end, str(self._path))
            await loop.sock_sendall(end, after.to_bytes(8, "little"))
            rest = b""
            while came := await loop.sock_recv(end, _AT_ONCE):
                came = rest + came
                whole = len(came) - len(came) % EVENT_DTYPE.itemsize
                rows = np.frombuffer(came[:whole], EVENT_DTYPE)
                rest = came[whole:]
                if len(rows):
                    yield SourceBatch(first_seq=after + 1, symbols=SYMBOLS, rows=rows)
                    after += len(rows)


class Stamps:
    """An outlet that notes of each output when it happened, and when it was delivered."""

    def __init__(self, path: Path) -> None:
        """A file gets a pair of numbers of each."""
        self._file = path.open("ab", buffering=0)

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Know of none."""
        return ()

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Note them."""
        now = SYSTEM_CLOCK.now()
        self._file.write(b"".join(PAIR.pack(each.output.ts_event, now) for each in outputs))
        return ""

    async def close(self) -> None:
        """Let the file go."""
        self._file.close()


def stamps_in(file: Path) -> list[float]:
    """Return the seconds from when each output happened to its delivery."""
    return [_seconds(pair) for pair in _pairs(file)]


def _pairs(file: Path) -> Iterator[tuple[int, int]]:
    body = file.read_bytes() if file.exists() else b""
    return PAIR.iter_unpack(body[: len(body) - len(body) % PAIR.size])


def _seconds(pair: tuple[int, int]) -> float:
    return (pair[1] - pair[0]) / 1e9


def fed_by(path: Path, stamps: Path | None, trace: Path | None) -> Sequence[str]:
    """Return what starts ``whispr`` with this socket as its source.

    ``stamps`` is what the outlet writes, None: that of the settings; ``trace`` is where stamps
    along the path go, None: nowhere.
    """
    told = ", ".join(repr(str(each or "")) for each in (path, stamps, trace))
    return changed_by("tests.benchmarks.wire", f"patch({told})")


def patch(path: str, stamps: str, trace: str) -> None:
    """Make the socket the source of all daemons of this process, and stamps their outlet."""
    changed: Any = assembly
    own_outlet = assembly.outlet_of
    looking = Trace(Path(trace)) if trace else None

    async def wire(_settings: Settings) -> Source:
        return Wire(Path(path))

    async def outlet_of(
        settings: OutletSettings, reach: Reach, console: Console, stack: AsyncExitStack
    ) -> Outlet:
        if stamps:
            outlet: Outlet = Stamps(Path(stamps))
            stack.push_async_callback(outlet.close)
        else:
            outlet = await own_outlet(settings, reach, console, stack)
        return outlet if looking is None else TracedOutlet(outlet, looking)

    changed.source_of = wire
    changed.outlet_of = outlet_of
    if looking is not None:
        changed.open_ports = traced(assembly.open_ports, looking)
