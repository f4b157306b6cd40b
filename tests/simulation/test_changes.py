"""Changes and references under faults by seed: each in every partition, once, at one place."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cache
from random import Random
from typing import Any, Final, NoReturn

import numpy as np
import pytest
import structlog
import structlog.testing
from typing_extensions import override

from tests.simulation.faults import Faulty, Figures, crash, settle
from tests.simulation.market import SYMBOLS, ScriptedSource, Stateful, bar_rows
from tests.simulation.memory_store import MemoryStore
from tests.simulation.parts import CADENCE
from tests.simulation.taught import Lesson, Taught, reckoned, refs_of, spoken
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import decode
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.unit import UnitSpec
from whispr_daemon.engine.alignment import Alignment
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.unit import Ports, Unit
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.source import SourceBatch

PARTITIONS: Final = 3
ROWS: Final = 120
SPLITS: Final = {24: 0, 36: 1, 64: 2, 92: 0}  # instruments, by the row that follows
FAULTS: Final = 0.04
CRASHES: Final = 14
SEEDS: Final = 80
MUTANT_SEEDS: Final = 16


@cache
def market() -> Rows:
    """Return the rows taken in, some of them bad."""
    rows = bar_rows(ROWS, symbols=len(SYMBOLS), seed=3)
    rows["close"][17], rows["low"][40], rows["ts"][77] = np.nan, -1, 5
    for place, code in sorted(SPLITS.items(), reverse=True):
        split = rows[place - 1 : place].copy()  # after the bars of this minute
        split["kind"], split["timeframe"], split["instrument"] = Kind.SPLIT, 0, code
        split["open"], split["volume"] = (0.5, 2.0) if place % 8 else (4.0, 0.25)
        rows = np.insert(rows, place, split)
    rows.flags.writeable = False
    return rows


def lessons(random: Random) -> list[Lesson]:
    """Return some changes in a row, each unlike the one before."""
    return [
        Lesson(
            symbols=tuple(random.sample(SYMBOLS, random.randint(1, 3))),
            refs=tuple(random.sample(SYMBOLS, random.randint(0, 2))),
            warning=f"warning {number}" if random.random() < 0.5 else "",
            serial=number,
        )
        for number in range(random.randint(2, 5))
    ]


class Slow(ScriptedSource):
    """Its batches come one by one, so that the path lives through much between two of them."""

    @override
    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        async for batch in super().batches(after):
            await self._clock.sleep(0.04)
            yield batch


class Torn(MemoryEventLog):
    """An append takes its time between partitions: who dies meanwhile leaves some without it."""

    @override
    async def append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        for each in entries:
            await super().append([each])
            for _ in range(12):
                await asyncio.sleep(0)  # noqa: TID251 - here it may be cancelled


class Path:
    """Everything that survives, and the stages that die and come again."""

    def __init__(self, seed: int, faults: float, writer: type[Ingest]) -> None:
        self._writer = writer
        self.random = Random(seed)
        self.clock = ManualClock(start=1)
        self.store = MemoryStore()
        self.log = Torn(PARTITIONS, self.clock)
        self.figures = Figures()
        self.failures: list[BaseException] = []
        self.zombies: list[asyncio.Task[None]] = []
        self.stages: dict[str, asyncio.Task[None]] = {}
        self.ingest: Ingest | None = None
        self.lessons = lessons(self.random)
        self.given = 0
        self._faults = faults

    def names(self) -> list[str]:
        """Return all stages."""
        kinds = (Taught.name, Stateful.name)
        return ["ingest", *(f"{kind}/{part}" for kind in kinds for part in range(PARTITIONS))]

    def start(self, name: str) -> None:
        """Build a stage anew and run it; one that still runs becomes a zombie."""
        if name in self.stages:
            self.zombies.append(self.stages[name])
        if name == "ingest":
            self.ingest = self._ingest()
            work: Any = self.ingest.run(stay=True)
        else:
            strategy, partition = name.split("/")
            work = self._unit(strategy, int(partition)).run()
        self.stages[name] = asyncio.ensure_future(self._guarded(work))

    def start_fenced(self) -> None:
        """Start what a zombie has fenced that was slow to claim."""
        for name, task in list(self.stages.items()):
            if task.done():
                self.start(name)

    async def crash_one(self) -> None:
        """Let a stage die, or be believed dead, and come again."""
        name = self.random.choice([*self.names(), "ingest", "ingest"])
        if self.random.random() < 0.6:
            await crash(self.stages[name])
        if name == "ingest" and self.given < len(self.lessons) and self.random.random() < 0.4:
            await self.edit()  # while nobody is there to append it
        self.start(name)

    async def edit(self) -> None:
        """Add the next change, as a watch does; it may die before it tells ingest."""
        body = self.lessons[self.given].encode()
        self.given += 1
        change = await self.store.add_change(body)
        if self.ingest is not None and self.random.random() < 0.8:
            self.ingest.change(change.number)

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except Fenced:
            pass  # a zombie has ended, as it must
        except Exception as error:  # noqa: BLE001 - looked at when the run is over
            self.failures.append(error)

    def _faulty(self, port: object) -> Any:
        return Faulty(port, self.clock, self.random, self._faults)

    def _ingest(self) -> Ingest:
        source = Slow(
            market(), SYMBOLS, self.clock, self.random.randrange(1 << 30), 2 if self._faults else 0
        )
        alignment = Alignment(refs_of=refs_of, wait=self.random.choice((0.01, 0.2, 5.0)))
        log, store = self._faulty(self.log), self._faulty(self.store)
        return self._writer(source, log, store, self.clock, self.figures, alignment)

    def _unit(self, strategy: str, partition: int) -> Unit:
        made: Any = Taught(partition, PARTITIONS) if strategy == Taught.name else Stateful()
        fold = Fold(made, strategy, "1", partition=partition, partitions=PARTITIONS)
        ports = Ports(
            log=self._faulty(self.log),
            store=self._faulty(self.store),
            clock=self.clock,
            metrics=self.figures,
        )
        return Unit(UnitSpec(strategy=strategy, partition=partition), fold, ports, "test", CADENCE)

    async def done(self) -> bool:
        """Whether all is taken in and said."""
        if (
            self.given < len(self.lessons)
            or self.ingest is None
            or self.ingest.taken < len(market())
        ):
            return False
        if any(len(self.changes(part)) < self.given for part in range(PARTITIONS)):
            self.ingest.change(self.given)
            return False
        ends = [await self.log.last(part) for part in range(PARTITIONS)]
        marks = await self.store.marks()
        return len(marks) == 2 * PARTITIONS and all(
            mark.wm >= ends[int(name[-1])] for name, mark in marks.items()
        )

    def rows(self, partition: int) -> Rows:
        """Return all rows of a partition."""
        found: Rows = np.concatenate([each.rows for each in self.log._entries[partition]])
        return found

    def changes(self, partition: int) -> list[int]:
        """Return the numbers of a partition's changes in order."""
        entries = self.log._entries[partition]
        if not entries:
            return []
        rows = self.rows(partition)
        return [int(number) for number in rows["open"][rows["kind"] == Kind.CHANGE]]


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Write no records: they would take half of the time."""
    with structlog.testing.capture_logs(processors=[_drop]):
        yield


def _drop(_logger: object, _name: str, _record: object) -> NoReturn:
    raise structlog.DropEvent


async def _run(seed: int, writer: type[Ingest] = Ingest) -> Path:
    path, crashes = Path(seed, FAULTS, writer), CRASHES
    if path.random.random() < 0.7:
        await path.edit()  # before the first start
    for name in path.names():
        path.start(name)
    rounds = 0
    while crashes or not await path.done():
        rounds += 1
        if rounds > 4000:
            quarantined = await path.store.quarantined()
            raise AssertionError(f"it hangs: {path.failures} {quarantined}")
        await settle(path.clock, path.random.randrange(1, 16))
        path.clock.advance(path.random.choice((0.0, 0.01, 0.1)))
        if path.given < len(path.lessons) and path.random.random() < 0.01:
            await path.edit()
        path.start_fenced()
        if crashes and path.random.random() < 0.08:
            crashes -= 1
            await path.crash_one()
    for task in [*path.stages.values(), *path.zombies]:
        await crash(task)
    return path


def _intervals(path: Path, partition: int) -> list[Rows]:
    """Return the rows of a partition between its changes."""
    rows = path.rows(partition)
    return np.split(rows, np.flatnonzero(rows["kind"] == Kind.CHANGE))


def _of(rows: Rows, code: int) -> list[Any]:
    return rows[rows["instrument"] == code].tolist()


def _check_log(path: Path, symbols: Sequence[str]) -> list[str]:
    wrong = []
    parts = range(PARTITIONS)
    numbers = list(range(1, len(path.lessons) + 1))
    wrong += [
        f"partition {part} has the changes {path.changes(part)}"
        for part in parts
        if path.changes(part) != numbers
    ]
    homes = Counter(row for part in parts for row in _at_home(path, part, symbols))
    expected = Counter(_coded(symbols))
    if homes != expected:
        wrong.append(f"rows lost {expected - homes}, twice {homes - expected}")
    ticks = [[row["ts"] for row in path.rows(part) if row["kind"] == Kind.CLOCK] for part in parts]
    if any(each != ticks[0] or each != sorted(set(each)) for each in ticks):
        wrong.append("ticks differ")
    between = [_intervals(path, part) for part in parts]
    for number, lesson in enumerate([Lesson(), *path.lessons]):
        for code, symbol in enumerate(symbols):
            home = partition_of(symbol, PARTITIONS)
            everywhere = _of(between[home][number], code)
            for part in set(parts) - {home}:
                wanted = everywhere if symbol in lesson.refs else []
                if _of(between[part][number], code) != wanted:
                    wrong.append(f"{symbol} after change {number} in partition {part}")
    return wrong


def _at_home(path: Path, partition: int, symbols: Sequence[str]) -> list[Any]:
    return [
        row
        for row in path.rows(partition).tolist()
        if row[1] < len(symbols) and partition_of(symbols[row[1]], PARTITIONS) == partition
    ]


def _coded(symbols: Sequence[str]) -> list[Any]:
    """Return the good rows of the source with the registry's codes."""
    rows = market()[np.isfinite(market()["close"]) & (market()["low"] > 0)]
    rows["kind"][rows["ts"] == 5] = Kind.CORRECTION  # it is late
    rows["instrument"] = [symbols.index(SYMBOLS[code]) for code in rows["instrument"]]
    found: list[Any] = rows.tolist()
    return found


def _check_said(path: Path, symbols: Sequence[str]) -> list[str]:
    wrong = [repr(failure) for failure in path.failures]
    for part in range(PARTITIONS):
        said = [spoken(decode(body)) for body in path.store.said.get(f"taught/{part}", [])]
        entries = path.log._entries[part]
        expected = reckoned(path.log._entries, symbols, path.lessons, part)
        if said != expected:
            wrong.append(f"taught/{part} said {said}, expected {expected}")
        fold = Fold(Stateful(), "stateful", "1", partition=part, partitions=PARTITIONS)
        others = [output for entry in entries for output in fold.take(entry, symbols)]
        if [decode(body) for body in path.store.said.get(f"stateful/{part}", [])] != others:
            wrong.append(f"stateful/{part} said something else")
        bars = [row for row in _at_home(path, part, symbols) if row[2] == Kind.BAR]
        state: Any = fold.state
        if sum(state.seen.values()) != len(bars):
            wrong.append(f"stateful/{part} saw {state.seen}, at home are {len(bars)}")
    return wrong


def _check(path: Path) -> list[str]:
    """Return what is wrong, in words."""
    symbols = tuple(asyncio.run(path.store.instruments()))
    return _check_log(path, symbols) + _check_said(path, symbols)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_changes_and_references_keep_the_promise(seed: int) -> None:
    assert _check(asyncio.run(_run(seed))) == []


class Hasty(Ingest):
    """Appends a change at once, though partitions have more of the source than it knows."""

    @override
    def _ahead(self) -> int:
        return 0


class Greedy(Ingest):
    """Takes what waits for its references for taken in."""

    @property
    @override
    def taken(self) -> int:
        return max(super().taken, self._seen)


@pytest.mark.parametrize("mutant", [Hasty, Greedy])
def test_the_checker_notices_a_promise_that_is_not_kept(mutant: type[Ingest]) -> None:
    caught = 0
    for seed in range(MUTANT_SEEDS):
        try:
            caught += bool(_check(asyncio.run(_run(seed, mutant))))
        except AssertionError:
            caught += 1
    assert caught > MUTANT_SEEDS // 4
