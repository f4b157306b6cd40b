"""Ticks answered by bare clients: what of the path has to be, and nothing else.

The same process sends them, over the same kind of socket; what has come meanwhile is written
together, as in the daemon, and who has nothing to do sleeps until it is woken. Tier 0: ticks are
written to one file and synced, answers to another and synced, then told. Tier 1: ticks are added to
a stream, synced; a process that reads it is woken, commits rows to Postgres and adds the answers to
another stream, synced; whose reader is woken.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from os import fdatasync
from pathlib import Path
from typing import Final

import numpy as np
from redis import Redis

from tests.benchmarks.answerer import answered, answering
from tests.benchmarks.consumer import Consumer
from tests.benchmarks.sender import Order, Sender, Sent
from tests.benchmarks.wire import PAIR
from tests.chaos.places import Places
from tests.integration.daemons import until
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.domain.batch import EVENT_DTYPE, Rows

_SEEN_WITHIN: Final = 30.0  # seconds
_BODY: Final = b"x" * 200  # about what a signal is
_LOOK: Final = 0.1  # seconds between two looks whether all is sent
_AT_ONCE: Final = 2**20  # bytes

Floor = Callable[[Order], Sequence[float]]  # seconds from when each answered tick was due


@contextmanager
def files(folder: Path, wire: Path) -> Iterator[Floor]:
    """Yield what answers ticks with two files; ``wire`` is the path of a socket, a short one."""
    with ExitStack() as stack:
        feed = stack.enter_context(_fed(wire))
        ticked, said, told = (
            stack.enter_context((folder / name).open("ab", buffering=0))
            for name in ("ticks", "answers", "told")
        )

        def run(order: Order) -> Sequence[float]:
            taken: list[float] = []
            for rows in feed(order):
                ticked.write(rows.tobytes())
                fdatasync(ticked.fileno())
                times = answered(rows)
                if times:
                    said.write(_BODY * len(times))
                    fdatasync(said.fileno())
                    now = SYSTEM_CLOCK.now()
                    told.write(b"".join(PAIR.pack(ts, now) for ts in times))
                    taken += [(now - ts) / 1e9 for ts in times]
            return taken

        yield run


@contextmanager
def servers(places: Places, wire: Path) -> Iterator[Floor]:
    """Yield what answers ticks over the daemon's servers, in a process that reads a stream."""
    redis, postgres = places.server("redis"), places.server("postgres")
    name = f"floor_{SYSTEM_CLOCK.now()}"
    with ExitStack() as stack:
        feed = stack.enter_context(_fed(wire))
        client = stack.enter_context(Redis.from_url(redis.url, password=redis.password))
        stack.callback(client.delete, f"{name}:in", f"{name}:out")
        stack.enter_context(answering(redis, postgres, name))

        def run(order: Order) -> Sequence[float]:
            with Consumer(redis, f"{name}:out") as consumer:
                count = 0
                for rows in feed(order):
                    client.xadd(f"{name}:in", {"r": rows.tobytes()})
                    count += len(answered(rows))
                until(lambda: len(consumer.taken) >= count, within=_SEEN_WITHIN)
            return list(consumer.taken)

        yield run


@contextmanager
def _fed(wire: Path) -> Iterator[Callable[[Order], Iterator[Rows]]]:
    """Yield what has an order sent by a process of its own and yields rows as they come."""
    with (
        Sender(wire) as sender,
        socket.socket(socket.AF_UNIX) as end,
        ThreadPoolExecutor(1) as pool,
    ):
        end.connect(str(wire))
        end.sendall(bytes(8))
        end.settimeout(_LOOK)
        before = 0

        def feed(order: Order) -> Iterator[Rows]:
            nonlocal before
            sending = pool.submit(sender.send, order)
            while not _all(sending, before):
                try:
                    rows = _received(end)
                except TimeoutError:
                    continue
                before += len(rows)
                yield rows

        yield feed
    wire.unlink()


def _all(sending: "Future[Sent]", count: int) -> bool:
    """Whether all that was sent has come."""
    return sending.done() and count >= sending.result().sent


def _received(end: socket.socket) -> Rows:
    """Return whole rows, all that are there."""
    came = end.recv(_AT_ONCE)
    while rest := len(came) % EVENT_DTYPE.itemsize:
        came += end.recv(EVENT_DTYPE.itemsize - rest)
    return np.frombuffer(came, EVENT_DTYPE)
