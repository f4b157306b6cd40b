"""How a store grows, and how long its questions take meanwhile.

Signals as rules say them are committed, a thousand at once, by four units in turn. The questions
are all there are: the newest, as ``whispr signals`` shows them, and the page that follows on a
place, as ``--follow`` and outlets read on; it is asked for in the middle. They are asked when a
hundredth, a tenth and all of the signals are there: two for each row of a long run.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import asyncpg
import msgspec

from tests.benchmarks.figures import Case, Figure, Scale
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.domain.outputs import Signal, output_id, written
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.ports.store import Commit, Store

_UNITS: Final = 4
_COMMIT: Final = 1_000  # signals
_SYMBOLS: Final = 200
_ORIGINS: Final = 100
_BEGAN: Final = 29_000_000  # minutes since 1970
_NEWEST: Final = (20, 1_000)
_PAGE: Final = 1_000


class _Opened(NamedTuple):
    """A store, and who says how many bytes it has on disk."""

    store: Store
    size: Callable[[], Awaitable[int]]


_Open = Callable[[Path], AbstractAsyncContextManager[_Opened]]


def grown(what: str, opened: _Open, scale: Scale) -> Sequence[Figure]:
    """Return what signals take of the disk, and questions of the time."""
    return asyncio.run(_grown(what, opened, scale))


async def _grown(what: str, opened: _Open, scale: Scale) -> Sequence[Figure]:
    steps = sorted({-(-2 * scale.rows // part // _COMMIT) * _COMMIT for part in (100, 10, 1)})
    figures: list[Figure] = []
    commits = _commits(steps[-1])
    async with opened(scale.folder) as (store, size):
        for number in range(_UNITS):
            await store.claim(_unit(number), number, "bench", ORIGIN)
        empty, written = await size(), 0
        for count in steps:
            scale.say(f"{what}: {count:,} signals")
            before = written
            began = SYSTEM_CLOCK.monotonic()
            while written < count:
                commit = next(commits)
                await store.commit(commit)
                written += len(commit.outputs)
            rate = (written - before) / (SYSTEM_CLOCK.monotonic() - began)
            figures.append(Figure(f"{written:,} signals: written", rate, "signals/s"))
            taken = (await size() - empty) / written
            figures.append(Figure(f"{written:,} signals: on disk", taken, "bytes/signal"))
            figures += await _asked(store, written, scale.repetitions)
    return figures


async def _asked(store: Store, written: int, repetitions: int) -> list[Figure]:
    middle = {_unit(number): written // _UNITS // 2 for number in range(_UNITS)}
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        f"the newest {limit:,}": partial(store.recent_outputs, limit) for limit in _NEWEST
    }
    questions[f"{_PAGE:,} after a place"] = partial(store.outputs, middle, _PAGE)
    figures = []
    for name, ask in questions.items():
        taken = []
        for _ in range(repetitions):
            began = SYSTEM_CLOCK.monotonic()
            await ask()
            taken.append(1e3 * (SYSTEM_CLOCK.monotonic() - began))
        what = f"{written:,} signals: {name}"
        figures.append(Figure(what, median(taken), "ms", each=tuple(taken)))
    return figures


def _commits(most: int) -> Iterator[Commit]:
    """Yield commits of so many signals, unit by unit; none is there twice."""
    for number in range(most // _COMMIT):
        turn, unit = divmod(number, _UNITS)
        signals = tuple(_signal(number * _COMMIT + place) for place in range(_COMMIT))
        yield Commit(
            unit_id=_unit(unit),
            epoch=1,
            old=ORIGIN if turn == 0 else Position(1, turn),
            new=Position(1, turn + 1),
            out_seq=(turn + 1) * _COMMIT,
            out_hash="",
            outputs=tuple(map(written, signals)),
        )


def _unit(number: int) -> str:
    return f"rules/{number}"


def _signal(number: int) -> Signal:
    """Return a signal as a rule says it; some hundreds come in a minute."""
    minute, place = divmod(number, _SYMBOLS)
    price = 100 + number % 9_973 / 100
    said = Signal(
        name=f"S{number % 36}",
        instrument=f"S{place:03}",
        ts_event=(_BEGAN + minute) * MINUTE,
        direction="up",
        price=price,
        level=price - 0.25,
        data={"clause": "logic[0]", "dir": "up", "gap": False, "tags": ["desk", "intraday"]},
        origin=f"rule_{(minute + place) % _ORIGINS}",
        version="sha256:0123456789ab",
        ordinal=1,
    )
    return msgspec.structs.replace(said, id=output_id(said))


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[_Opened]:
    store = await SqliteStore.open(folder / "store.db")

    async def size() -> int:
        return await asyncio.to_thread(_bytes, folder)

    try:
        yield _Opened(store, size)
    finally:
        await store.close()


@asynccontextmanager
async def _postgres(folder: Path) -> AsyncIterator[_Opened]:
    # Run by root, Postgres cannot reach private folders: then its data goes there.
    outside = Path(tempfile.mkdtemp(prefix="whispr-bench-"))
    postgres = EmbeddedPostgres(SYSTEM_CLOCK, outside=outside)
    try:
        server = await postgres.start(folder)
        store = await PostgresStore.open(server.url, server.password)
        asked = await asyncpg.connect(server.url, password=server.password)

        async def size() -> int:
            return int(await asked.fetchval("SELECT pg_database_size(current_database())"))

        try:
            yield _Opened(store, size)
        finally:
            await asked.close()
            await store.close()
    finally:
        await postgres.stop()
        shutil.rmtree(outside)


CASES: Final = (
    Case(
        "growth.sqlite", "bytes of a signal, time of a question", partial(grown, "SQLite", _sqlite)
    ),
    Case(
        "growth.postgres",
        "bytes of a signal, time of a question",
        partial(grown, "Postgres", _postgres),
    ),
)
