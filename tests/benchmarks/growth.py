"""How a store grows, and how long its questions take meanwhile.

Signals as rules say them are committed, a thousand at once, by four units in turn. The questions
are all there are: the newest, as ``whispr signals`` shows them, and the page that follows on a
place, as ``--follow`` and outlets read on; it is asked for in the middle. They are asked when a
hundredth, a tenth and all of the signals are there: two for each five rows of a long run, so that
``--rows 25000000`` makes ten million. What a signal takes of the disk, and processor time of this
process to be written, may not grow; nor may questions, beyond what three more levels of a tree are.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import asyncpg
import msgspec

from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.linear import Size, each
from tests.benchmarks.turns import processor
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
_NEWEST: Final = (100, 1_000)
_PAGE: Final = 1_000
_OF_ROWS: Final = 0.4  # signals for each row of a long run
_PARTS: Final = (100, 10, 1)  # of them are there when questions are asked
_WRITTEN_KEPT: Final = 0.5  # a tree of ten times as many is deeper, and less of it in the cache
_ASKED_KEPT: Final = 1 / 3  # of the speed of a question among a hundredth of the signals


class _Opened(NamedTuple):
    """A store, and who says how many bytes it has on disk."""

    store: Store
    size: Callable[[], Awaitable[int]]


_Open = Callable[[Path], AbstractAsyncContextManager[_Opened]]


def grown(what: str, opened: _Open, scale: Scale) -> Sequence[Figure]:
    """Return what signals take of the disk, and questions of the time."""
    return asyncio.run(_grown(what, opened, scale))


async def _grown(what: str, opened: _Open, scale: Scale) -> Sequence[Figure]:
    most = int(_OF_ROWS * scale.rows)
    steps = sorted({-(-most // part // _COMMIT) * _COMMIT for part in _PARTS})
    figures: list[Figure] = []
    disk: list[Size] = []
    work: list[Size] = []
    asked: list[Mapping[str, Figure]] = []
    commits = _commits(steps[-1])
    async with opened(scale.folder) as (store, size):
        for number in range(_UNITS):
            await store.claim(_unit(number), number, "bench", ORIGIN)
        empty, written = await size(), 0
        for count in steps:
            scale.say(f"{what}: {count:,} signals")
            before, named = written, f"{count:,} signals"
            began, used = SYSTEM_CLOCK.monotonic(), processor()
            while written < count:
                commit = next(commits)
                await store.commit(commit)
                written += len(commit.outputs)
            taken, used = SYSTEM_CLOCK.monotonic() - began, processor() - used
            figures.append(Figure(f"{named}: written", (written - before) / taken, "signals/s"))
            disk.append(Size(named, written, await size() - empty))
            work.append(Size(named, written - before, 1e6 * used))
            asked.append(await _asked(store, written, scale.repetitions))
    if scale.short:  # a file grows by pages, and times of so few say nothing
        return figures
    return [
        *figures,
        *each("on disk", "bytes/signal", disk),
        *each("made and written, processor time here", "µs/signal", work, _WRITTEN_KEPT),
        *_beside_first(asked),
    ]


def _beside_first(asked: Sequence[Mapping[str, Figure]]) -> Iterator[Figure]:
    """Yield what questions take; the last ones beside the first, among a hundredth as much."""
    for number, step in enumerate(asked, start=1):
        for name, figure in step.items():
            if number < len(asked):
                yield figure
                continue
            first = asked[0][name]
            ratio = first.value / figure.value
            yield figure._replace(against=first.what, ratio=ratio, bound=_ASKED_KEPT)


async def _asked(store: Store, written: int, repetitions: int) -> Mapping[str, Figure]:
    middle = {_unit(number): written // _UNITS // 2 for number in range(_UNITS)}
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        f"the newest {limit:,}": partial(store.recent_outputs, limit) for limit in _NEWEST
    }
    questions[f"{_PAGE:,} after a place"] = partial(store.outputs, middle, _PAGE)
    figures = {}
    for name, ask in questions.items():
        taken = []
        for _ in range(repetitions):
            began = SYSTEM_CLOCK.monotonic()
            await ask()
            taken.append(1e3 * (SYSTEM_CLOCK.monotonic() - began))
        what = f"{written:,} signals: {name}"
        figures[name] = Figure(what, median(taken), "ms", each=tuple(taken))
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
