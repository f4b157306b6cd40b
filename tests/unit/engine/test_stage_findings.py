"""What a hostile review found in ingest, relay, supervisor and fold: each failed when written."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from typing_extensions import override

from tests.simulation.faults import Figures, crash, finish, settle, until
from tests.simulation.market import SYMBOLS, ScriptedSource, Unwritten, bar_rows, entries
from tests.simulation.memory_store import MemoryStore
from tests.simulation.parts import World
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.unit import HostReport, HostSpec, UnitReport, UnitSpec, UnitState
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.engine.watch import Patience
from whispr_daemon.ports.source import SourceBatch
from whispr_daemon.ports.store import StoredOutput


def test_a_repeated_entry_does_not_let_the_next_repetition_through() -> None:
    first, second = entries(bar_rows(6), (3,))
    fold, expected = (Fold(Unwritten(), "u", "1") for _ in range(2))
    said = [fold.take(entry, SYMBOLS) for entry in (first, second, first, second)]
    wanted = [expected.take(entry, SYMBOLS) for entry in (first, second)]
    assert said == [*wanted, [], []]


def test_an_entry_of_no_source_is_folded() -> None:
    (entry,) = entries(bar_rows(6), ())
    fold = Fold(Unwritten(), "u", "1")
    assert fold.take(msgspec.structs.replace(entry, source="", marks={}), SYMBOLS)


class Silent:
    """A source that has nothing to say."""

    name = "silent"
    total = None

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        await asyncio.Event().wait()
        yield SourceBatch(first_seq=after + 1, symbols=(), rows=bar_rows(1))

    def describe(self, seq: int) -> str:
        return str(seq)


class Nowhere:
    """An outlet that is away."""

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        return ()

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        raise Transient("the receiver is away")

    async def close(self) -> None:
        pass


def _others() -> set[str]:
    return {
        repr(task.get_coro()) for task in asyncio.all_tasks() if task is not asyncio.current_task()
    }


async def test_an_ingest_that_is_cancelled_leaves_no_task() -> None:
    world = World()
    ingest = Ingest(Silent(), world.log, world.store, world.clock, world.figures)
    task = asyncio.ensure_future(ingest.run())
    await settle(world.clock)
    await crash(task)
    await settle(world.clock)
    assert _others() == set()


async def test_a_relay_that_is_cancelled_leaves_no_task() -> None:
    world = World()
    task = asyncio.ensure_future(
        Relay("r", Nowhere(), world.store, world.clock, world.figures).run()
    )
    await settle(world.clock)
    await crash(task)
    await settle(world.clock)
    assert _others() == set()


async def test_a_supervisor_that_is_cancelled_leaves_no_task() -> None:
    stage = Stage()
    task = asyncio.ensure_future(stage.supervisor.run())
    await settle(stage.clock)
    await crash(task)
    await settle(stage.clock)
    assert _others() == set()


class Closed(Nowhere):
    """An outlet that cannot even be opened."""

    @override
    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        raise Transient("the receiver is away")


@pytest.mark.parametrize("outlet", [Nowhere, Closed])
async def test_a_relay_ends_when_drained_though_its_receiver_is_away(
    outlet: type[Nowhere],
) -> None:
    world = World()
    await world.fill(entries(bar_rows(6), ()))
    await world.run_to_end(world.unit(Unwritten()))
    relay = Relay("r", outlet(), world.store, world.clock, world.figures)
    task = asyncio.ensure_future(relay.run())
    await settle(world.clock)
    relay.drain()
    try:
        await until(world.clock, task.done)
    finally:
        await crash(task)


async def test_a_feed_that_breaks_now_and_then_is_waited_for_a_short_while_each_time() -> None:
    clock = ManualClock()
    source = ScriptedSource(bar_rows(200), SYMBOLS, clock, breaks=20)
    ingest = Ingest(source, MemoryEventLog(1, clock), MemoryStore(), clock, Figures())
    await finish(clock, ingest.run())
    assert clock.monotonic() < 20 * 0.2


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", 0), ("kind", 9), ("kind", 4), ("flags", 7), ("timeframe", 99), ("instrument", 50)],
)
async def test_a_row_of_no_known_shape_is_put_aside_and_the_rest_goes_on(
    field: str, value: int
) -> None:
    rows = bar_rows(9)
    rows["kind"][4], rows["timeframe"][4] = 2, 0  # a trade
    rows[field][4] = value
    world = World()
    source = ScriptedSource(rows, SYMBOLS, world.clock)
    ingest = Ingest(source, world.log, world.store, world.clock, world.figures)
    await finish(world.clock, ingest.run())

    assert [letter.seq for letter in await world.store.dead_letters(9)] == [5]
    unit = await world.run_to_end(world.unit(Unwritten()))
    assert unit.report().state == "stopped"


async def test_rows_are_counted_as_ingested_only_if_they_are_in_the_log() -> None:
    rows = bar_rows(9)
    rows["close"][4] = np.nan
    world = World()
    source = ScriptedSource(rows, SYMBOLS, world.clock)
    await finish(
        world.clock, Ingest(source, world.log, world.store, world.clock, world.figures).run()
    )
    assert world.figures.counts["whispr_ingested_rows"] == 8


class Scripted:
    """A runtime of one host that does what the test says."""

    def __init__(self) -> None:
        self.unit: tuple[int, UnitState] | None = None  # turns and state; None: it does not answer
        self.started = 0
        self.killed = 0

    async def start(self, spec: HostSpec) -> None:
        self.started += 1

    async def report(self, host_id: str, within: float) -> HostReport | None:
        if self.unit is None:
            return None
        turns, state = self.unit
        unit = UnitReport(unit_id="u/0", partition=0, state=state, turns=turns)
        return HostReport(host_id=host_id, pid=1, units=(unit,))

    async def held_by(self, host_id: str) -> str:
        return ""

    async def kill(self, host_id: str) -> None:
        self.killed += 1
        self.unit = None

    async def stop(self, host_ids: Sequence[str]) -> None:
        self.unit = None

    async def close(self) -> None:
        pass


class Stage:
    """A supervisor of one host, and its time."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.runtime = Scripted()
        spec = HostSpec(host_id="h", units=(UnitSpec(strategy="u", partition=0),))
        self.supervisor = Supervisor(
            [spec],
            self.runtime,
            (MemoryEventLog(1, self.clock), MemoryStore()),
            self.clock,
            Figures(),
            Patience(stall_seconds=10.0),
        )

    async def round(self, unit: tuple[int, UnitState] | None, rounds: int = 1) -> None:
        """Let the host answer so for some rounds of half a second."""
        for _ in range(rounds):
            self.runtime.unit = unit
            self.clock.advance(0.5)
            await settle(self.clock)


async def test_a_host_killed_for_standing_still_has_the_full_time_again() -> None:
    stage = Stage()
    task = asyncio.ensure_future(stage.supervisor.run())
    while not stage.runtime.killed:
        await stage.round((1, "recovering"))
    await stage.round((1, "recovering"), 4)  # anew: its claim takes a while, as before
    await crash(task)
    assert stage.runtime.killed == 1


async def test_a_host_that_was_killed_may_take_longer_to_come_back_than_to_stand_still() -> None:
    stage = Stage()
    task = asyncio.ensure_future(stage.supervisor.run())
    while not stage.runtime.killed:
        await stage.round((1, "recovering"))
    await stage.round(None, 60)  # 30 s, and stall_after is 10: a process takes a while to start
    assert stage.runtime.killed == 1
    await stage.round(None, 100)
    await crash(task)
    assert stage.runtime.killed == 2


async def test_a_restart_is_counted_though_the_new_run_is_further_than_the_old_one() -> None:
    stage = Stage()
    task = asyncio.ensure_future(stage.supervisor.run())
    while not stage.runtime.killed:
        await stage.round((1, "recovering"))
    await stage.round((500, "live"))
    await crash(task)
    assert stage.supervisor.status()[0].restarts == 1


async def test_a_host_that_never_answered_is_killed_too() -> None:
    stage = Stage()
    task = asyncio.ensure_future(stage.supervisor.run())
    await stage.round(None, 200)
    await crash(task)
    assert stage.runtime.killed


async def test_a_host_that_dies_right_after_each_start_is_started_less_and_less_often() -> None:
    stage = Stage()
    task = asyncio.ensure_future(stage.supervisor.run())
    for _ in range(120):
        await stage.round((1, "recovering"))
        await stage.round(None)
    await crash(task)
    assert stage.runtime.started < 20


async def test_a_daily_restart_does_not_wait_for_the_pauses_of_old_ones() -> None:
    stage = Stage()
    task = asyncio.ensure_future(stage.supervisor.run())
    for number in range(10):
        for turn in range(150):
            await stage.round((number * 1000 + turn, "live"))
        before = stage.runtime.started
        await stage.round(None, 3)
        assert stage.runtime.started > before
    await crash(task)


async def test_a_unit_in_quarantine_does_not_count_as_standing_still() -> None:
    stage = Stage()
    task = asyncio.ensure_future(stage.supervisor.run())
    await stage.round((7, "quarantined"), 200)
    await crash(task)
    assert stage.runtime.killed == 0


class Away:
    """A log that answers nothing but Transient."""

    partitions = 1

    def __getattr__(self, name: str) -> Any:
        async def call(*_args: object) -> None:
            raise Transient("the log is away")

        return call


async def test_an_ingest_stops_promptly_though_the_log_is_away() -> None:
    world = World()
    log: Any = Away()
    ingest = Ingest(Silent(), log, world.store, world.clock, world.figures)
    task = asyncio.ensure_future(ingest.run())
    await settle(world.clock)
    ingest.stop()
    try:
        await until(world.clock, task.done)
    finally:
        await crash(task)


async def test_an_ingest_stops_at_once_though_the_source_is_silent() -> None:
    world = World()
    ingest = Ingest(Silent(), world.log, world.store, world.clock, world.figures)
    task = asyncio.ensure_future(ingest.run())
    await settle(world.clock)
    ingest.stop()
    await settle(world.clock)
    assert task.done()
