"""Ticks answered by bare clients: what of the path has to be, and nothing else.

Tier 0: each tick is written to one file and synced, its answer to another. Tier 1: it is added to a
stream, a reader of that is woken, commits rows to Postgres and adds the answer to another stream,
whose reader is woken. Ticks that are due together are written together, as in the daemon.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import asyncpg
import numpy as np
from redis import Redis

from tests.benchmarks.consumer import Consumer
from tests.benchmarks.market import ANSWERED, ticks
from tests.benchmarks.sender import Order
from tests.chaos.places import Places
from tests.integration.daemons import until
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.domain.batch import EVENT_DTYPE, Rows

_SEEN_WITHIN: Final = 30.0  # seconds
_ROWS: Final = "INSERT INTO {} (ts, body) SELECT unnest($1::bigint[]), $2"
_BODY: Final = "x" * 200  # about what a signal is
_LOOK: Final = 100  # milliseconds


def files(folder: Path, order: Order) -> Sequence[float]:
    """Return the seconds from when each answered tick was due until its answer was on disk."""
    taken: list[float] = []
    with ExitStack() as stack:
        ticked, said = (
            stack.enter_context((folder / name).open("ab", buffering=0))
            for name in ("ticks", "answers")
        )
        for rows in due(order):
            ticked.write(rows.tobytes())
            os.fdatasync(ticked.fileno())
            times = answered(rows)
            if times:
                said.write(_BODY.encode() * len(times))
                os.fdatasync(said.fileno())
                now = SYSTEM_CLOCK.now()
                taken += [(now - ts) / 1e9 for ts in times]
    return taken


def servers(places: Places, order: Order) -> Sequence[float]:
    """Return the seconds from when each answered tick was due until its answer was read."""
    redis, postgres = places.server("redis"), places.server("postgres")
    name = f"floor_{SYSTEM_CLOCK.now()}"
    over = Event()
    answering = Thread(target=_answer, args=(redis, postgres, name, over), daemon=True)
    with Redis.from_url(redis.url, password=redis.password) as client:
        client.xadd(f"{name}:in", {"r": b""})
        answering.start()
        with Consumer(redis, f"{name}:out") as consumer:
            count = 0
            for rows in due(order):
                client.xadd(f"{name}:in", {"r": rows.tobytes()})
                count += len(answered(rows))
            until(lambda: len(consumer.taken) >= count, within=_SEEN_WITHIN)
        over.set()
        answering.join()
        client.delete(f"{name}:in", f"{name}:out")
        return list(consumer.taken)


def due(order: Order) -> Iterator[Rows]:
    """Yield ticks as they fall due, those that are due together at once."""
    began, zero = SYSTEM_CLOCK.monotonic(), SYSTEM_CLOCK.now()
    sent, every = 0, order.events
    while sent < every:
        now = SYSTEM_CLOCK.monotonic()
        number = min(every, int((now - began) * order.rate) + 1)
        if number > sent:
            yield ticks(0, range(sent, number), order.share, zero, order.rate)
            sent = number
        else:
            time.sleep(max(0.0, began + sent / order.rate - now))  # noqa: TID251 - processes keep real time


def answered(rows: Rows) -> list[int]:
    """Return when those that are answered were due, ns UTC."""
    found: list[int] = rows["ts"][rows["volume"] == ANSWERED].tolist()
    return found


def _answer(redis: Server, postgres: Server, name: str, over: Event) -> None:
    with asyncio.Runner() as runner, Redis.from_url(redis.url, password=redis.password) as client:
        store = runner.run(asyncpg.connect(postgres.url, password=postgres.password))
        runner.run(store.execute(f"CREATE TABLE {name} (ts bigint, body text)"))
        write = runner.run(store.prepare(_ROWS.format(name)))

        def commit(times: list[int]) -> None:
            runner.run(write.fetch(times, _BODY))

        after: Any = b"0-0"
        while not over.is_set():
            found: Any = client.xread({f"{name}:in": after}, block=_LOOK)
            for _, entries in found:
                after = entries[-1][0]
                _say(client, f"{name}:out", [fields[b"r"] for _, fields in entries], commit)
        runner.run(store.execute(f"DROP TABLE {name}"))
        runner.run(store.close())


def _say(
    client: Redis, stream: str, blobs: Sequence[bytes], commit: Callable[[list[int]], None]
) -> None:
    times = answered(np.frombuffer(b"".join(blobs), EVENT_DTYPE))
    if times:
        commit(times)
        answers = client.pipeline(transaction=False)
        for ts in times:
            answers.xadd(stream, {"ts_event": ts, "body": _BODY})
        answers.execute()
