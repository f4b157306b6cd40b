"""What a log can do at most: bare clients that write and read entries of the same size.

Who reads runs a kernel over the rows, as a rule would: two averages and a level, by instrument.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import process_time
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from redis import Redis

from tests.benchmarks.market import Market
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedValkey, Server
from whispr_daemon.domain.batch import EVENT_DTYPE, Rows

_SYMBOLS: Final = 256


class Shape(NamedTuple):
    """What is appended at once."""

    rows: int
    partitions: int  # entries that these rows are cut into


class Bare(NamedTuple):
    """What bare clients do with events that they write durably, read, and pass over by a kernel."""

    rate: float  # events a second
    cpu: float  # microseconds of processor an event, of the clients and their server


class _Passed(NamedTuple):
    """Appends that were written and read."""

    count: float
    seconds: float
    cpu: float  # seconds of processor


def bare_log(tier: int, shape: Shape, folder: Path, seconds: float) -> Bare:
    """Return what a log of one writer and one reader does at most."""
    folder.mkdir()
    market = Market()
    blobs = [
        part.tobytes() for part in np.array_split(market.rows(0, shape.rows), shape.partitions)
    ]
    _kernel(market.rows(0, 10))
    if tier == 0:
        passed = _sqlite(folder / "floor.db", blobs, seconds)
    else:
        with valkey(folder) as server:
            passed = _redis(server, blobs, seconds)
    events = passed.count * shape.rows
    return Bare(events / passed.seconds, 1e6 * passed.cpu / events)


@contextmanager
def valkey(folder: Path) -> Iterator[Server]:
    """Yield a server set as the daemon's own, on a folder."""
    with asyncio.Runner() as runner:
        made = EmbeddedValkey(SYSTEM_CLOCK)
        server = runner.run(made.start(folder))
        try:
            yield server
        finally:
            runner.run(made.stop())


def _sqlite(file: Path, blobs: Sequence[bytes], seconds: float) -> _Passed:
    """Return the appends of one connection, synced each, that another has read."""
    with sqlite3.connect(file, isolation_level=None) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = FULL")
        writer.execute("CREATE TABLE entry (place INTEGER PRIMARY KEY, rows BLOB)")
        over = Event()
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(_read_sqlite, file, over, len(blobs))
            began, used = SYSTEM_CLOCK.monotonic(), process_time()
            while SYSTEM_CLOCK.monotonic() - began < seconds:
                writer.execute("BEGIN IMMEDIATE")
                writer.executemany("INSERT INTO entry (rows) VALUES (?)", [(b,) for b in blobs])
                writer.execute("COMMIT")
            over.set()
            read = reading.result()
            taken = SYSTEM_CLOCK.monotonic() - began
            return _Passed(read / len(blobs), taken, process_time() - used)


def _read_sqlite(file: Path, over: Event, at_once: int) -> int:
    """Read all there is until no more comes; return how many entries."""
    place = 0
    with sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True) as reader:
        while True:
            last = over.is_set()
            query = "SELECT place, rows FROM entry WHERE place > ? ORDER BY place LIMIT ?"
            found = reader.execute(query, (place, at_once)).fetchall()
            if found:
                place = found[-1][0]
                _kernel(_rows([rows for _, rows in found]))
            elif last:
                return place


def _redis(server: Server, blobs: Sequence[bytes], seconds: float) -> _Passed:
    """Return the appends of one client, each answered when synced, that another has read."""
    keys = [f"floor:{number}" for number in range(len(blobs))]
    over = Event()
    with ThreadPoolExecutor(1) as pool, Redis.from_url(server.url, password=server.password) as at:
        reading = pool.submit(_read_redis, server, keys, over)
        began, used = SYSTEM_CLOCK.monotonic(), process_time() + _cpu_of(at)
        while SYSTEM_CLOCK.monotonic() - began < seconds:
            appends = at.pipeline(transaction=True)
            for key, blob in zip(keys, blobs, strict=True):
                appends.execute_command("XADD", key, "*", "r", blob)
            appends.execute()
        over.set()
        read = reading.result()
        taken = SYSTEM_CLOCK.monotonic() - began
        return _Passed(read / len(blobs), taken, process_time() + _cpu_of(at) - used)


def _cpu_of(server: Redis) -> float:
    """Return the seconds of processor that a server has taken so far."""
    found: Any = server.info("cpu")
    return float(found["used_cpu_sys"] + found["used_cpu_user"])


def _read_redis(server: Server, keys: Sequence[str], over: Event) -> int:
    places: dict[Any, Any] = dict.fromkeys(keys, "0-0")
    count = 0
    with Redis.from_url(server.url, password=server.password) as reader:
        while True:
            last = over.is_set()
            found: Any = reader.xread(places, count=16, block=None if last else 100)
            for key, entries in found:
                places[key.decode()] = entries[-1][0].decode()
                count += len(entries)
                _kernel(_rows([fields[b"r"] for _, fields in entries]))
            if last and not found:
                return count


def _rows(blobs: Sequence[bytes]) -> Rows:
    return np.frombuffer(b"".join(blobs), EVENT_DTYPE)


def _kernel(rows: Rows) -> int:
    return int(_compiled(rows["instrument"], rows["close"], np.zeros((_SYMBOLS, 2))))


def _crosses(
    instrument: NDArray[np.uint32], close: NDArray[np.float64], averages: NDArray[np.float64]
) -> int:
    fast, slow, count = 2.0 / 14.0, 2.0 / 49.0, 0
    for i in range(len(close)):
        code, price = instrument[i], close[i]
        was = averages[code, 0] >= averages[code, 1]
        averages[code, 0] += fast * (price - averages[code, 0])
        averages[code, 1] += slow * (price - averages[code, 1])
        count += (averages[code, 0] >= averages[code, 1]) != was
    return count


_compiled: Final[Any] = njit(_crosses)
