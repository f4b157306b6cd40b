"""What is slow slows what comes before it; nothing grows meanwhile and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

import msgspec

from tests.simulation.faults import crash, finish, until
from tests.simulation.market import SYMBOLS, Stateful, bar_rows, entries
from tests.simulation.parts import CADENCE, World
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.domain.batch import EVENT_DTYPE, Rows
from whispr_daemon.domain.unit import UnitSpec
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.unit import Unit
from whispr_daemon.ports.metrics import READ_AHEAD_BYTES, UNDELIVERED
from whispr_daemon.ports.source import SourceBatch
from whispr_daemon.ports.store import Commit, StoredOutput

A_ROW: Final = EVENT_DTYPE.itemsize
AHEAD: Final = 2**20  # bytes
LARGE: Final = 8_000  # rows of a batch: three of them are more than may be read ahead


class Eager:
    """A source that has everything at once; it knows how much of it was taken."""

    name = "eager"

    def __init__(self, rows: Rows, at_once: int) -> None:
        self._rows, self._at_once = rows, at_once
        self.given = 0

    @property
    def total(self) -> int:
        return len(self._rows)

    def describe(self, seq: int) -> str:
        return f"row {seq}"

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        for start in range(after, len(self._rows), self._at_once):
            rows = self._rows[start : start + self._at_once]
            self.given = start + len(rows)
            yield SourceBatch(first_seq=start + 1, symbols=SYMBOLS, rows=rows)


class Slow:
    """A port of which one call takes its time; ``before`` is told of each such call."""

    def __init__(self, port: Any, clock: ManualClock, call: str, seconds: float) -> None:
        self._port, self._clock, self._call, self._seconds = port, clock, call, seconds
        self.calls: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name != self._call:
            return found

        async def call(*given: Any) -> Any:
            self.calls.append(given[0])
            await self._clock.sleep(self._seconds)
            return await found(*given)

        return call


async def test_a_slow_log_lets_the_source_wait() -> None:
    world = World()
    rows = bar_rows(20 * LARGE)
    source, log = Eager(rows, LARGE), Slow(world.log, world.clock, "append", 1.0)
    ingest = Ingest(source, log, world.store, world.clock, world.figures)
    most, shown = 0, [0.0]
    waiting = (READ_AHEAD_BYTES.name, "eager")

    def over() -> bool:
        nonlocal most
        most = max(most, source.given - ingest.taken)
        shown.append(world.figures.gauges.get(waiting, 0.0))
        return task.done()

    task = asyncio.ensure_future(ingest.run())
    await until(world.clock, over)

    assert ingest.taken == len(rows)
    # One run is being appended, the next is read ahead: each no more than a batch too large.
    assert most * A_ROW <= 2 * (AHEAD + LARGE * A_ROW)
    assert AHEAD <= max(shown) <= AHEAD + LARGE * A_ROW
    assert world.figures.gauges[waiting] == 0, "nothing waits any more"


async def test_a_slow_store_lets_the_unit_wait_with_a_bounded_number_of_outputs() -> None:
    rows = bar_rows(2_000, symbols=2)
    world, undisturbed = World(), World()
    for each in (world, undisturbed):
        await each.fill(entries(rows, range(0, len(rows), 10)))
    await undisturbed.run_to_end(undisturbed.unit(Stateful()))
    store = Slow(world.store, world.clock, "commit", 0.2)
    cadence = msgspec.structs.replace(CADENCE, read_rows=len(rows), outputs=25)
    ports = msgspec.structs.replace(world.ports(), store=store)
    spec = UnitSpec(strategy="stateful", partition=0)
    unit = Unit(spec, Fold(Stateful(), "stateful", "1"), ports, "test", cadence)

    await world.run_to_end(unit)

    commits: list[Commit] = store.calls
    assert max(len(each.outputs) for each in commits) < 25 + 10, "an entry of 10 rows says no more"
    assert len(commits) > 20
    assert await world.outputs() == await undisturbed.outputs()


class Committing:
    """A store that says of each commit how far its unit had folded when the commit ended."""

    def __init__(self, store: Any, clock: ManualClock) -> None:
        self._store, self._clock = store, clock
        self.unit: Unit | None = None
        self.ahead: list[bool] = []
        self.under_way = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        assert self.unit is not None
        self.under_way += 1
        assert self.under_way == 1, "one commit of a unit at a time"
        await self._clock.sleep(0.2)
        self.ahead.append(self.unit.report().position > commit.new)
        await self._store.commit(commit)
        self.under_way -= 1


async def test_what_comes_next_is_folded_while_many_rows_are_committed() -> None:
    rows = bar_rows(6_000, symbols=2)
    world, undisturbed = World(), World()
    for each in (world, undisturbed):
        await each.fill(entries(rows, range(0, len(rows), 500)))
    await undisturbed.run_to_end(undisturbed.unit(Stateful()))
    store = Committing(world.store, world.clock)
    cadence = msgspec.structs.replace(CADENCE, read_rows=1_500)
    ports = msgspec.structs.replace(world.ports(), store=store)
    spec = UnitSpec(strategy="stateful", partition=0)
    unit = store.unit = Unit(spec, Fold(Stateful(), "stateful", "1"), ports, "test", cadence)

    await world.run_to_end(unit)

    assert any(store.ahead)
    assert unit.report().committed == unit.report().position
    assert await world.outputs() == await undisturbed.outputs()


class Sluggish:
    """An outlet that takes ten seconds for whatever it is sent."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.sent: list[Sequence[StoredOutput]] = []

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        return ()

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        await self._clock.sleep(10)
        self.sent.append(outputs)
        return ""

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_slow_outlet_holds_up_its_own_route_alone() -> None:
    world = World()
    rows = bar_rows(3_000, symbols=2)
    await world.fill(entries(rows, range(0, len(rows), 100)))
    outlet = Sluggish(world.clock)
    relay = Relay("r", outlet, world.store, world.clock, world.figures)
    delivering = asyncio.ensure_future(relay.run())
    try:
        await world.run_to_end(world.unit(Stateful()))
        said = await world.outputs()
        assert len(said) > 1_500
        assert sum(map(len, outlet.sent)) < len(said), "the unit did not wait for it"
        await until(world.clock, lambda: world.figures.gauges[(UNDELIVERED.name, "r")] > 1_000)

        relay.drain()
        await finish(world.clock, delivering)
    finally:
        await crash(delivering)

    assert [each.output for sent in outlet.sent for each in sent] == said
    assert max(map(len, outlet.sent)) <= 500
