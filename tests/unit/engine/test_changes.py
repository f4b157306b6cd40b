"""A unit whose strategy is changed by the log: told once, durable at once, repeated exactly."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import pytest
from typing_extensions import override

from tests.simulation.faults import crash, until
from tests.simulation.market import SYMBOLS, Stateful, bar_rows, entries
from tests.simulation.parts import CADENCE, World
from tests.simulation.taught import Lesson, Taught, reckoned, spoken
from whispr_daemon.domain.batch import change_row
from whispr_daemon.domain.errors import Fatal
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.unit import UnitSpec
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.unit import Unit
from whispr_daemon.ports.event_log import Entry

ROWS = bar_rows(40, symbols=2)
LESSONS = (Lesson(("SPY",)), Lesson(("SPY", "QQQ"), warning="a.yaml:1:1: E101"))


def _with_changes(*places: int) -> list[Entry]:
    """Return the rows as entries of two, change 1, 2 … before the entries of these indices."""
    found: list[Entry] = []
    for index, entry in enumerate(entries(ROWS, range(0, 40, 2))):
        if index in places:
            number = places.index(index) + 1
            row = change_row(number, int(entry.rows["ts"][0]))
            marks = {"rules": number}
            found.append(Entry(position=entry.position, source="rules", marks=marks, rows=row))
        found.append(entry)
    return [
        msgspec.structs.replace(entry, position=Position(1, place), offset=place)
        for place, entry in enumerate(found, start=1)
    ]


async def _world(*places: int) -> World:
    world = World()
    for lesson in LESSONS:
        await world.store.add_change(lesson.encode())
    await world.fill(_with_changes(*places))
    return world


async def _said(world: World) -> list[tuple[Any, ...]]:
    return [spoken(output) for output in await world.outputs()]


def _expected(*places: int) -> list[tuple[Any, ...]]:
    return reckoned([_with_changes(*places)], SYMBOLS, LESSONS, 0)


@pytest.mark.parametrize("places", [(0, 9), (5, 6), (19,), ()])
async def test_what_is_new_in_a_change_knows_the_log_from_its_start(
    places: tuple[int, ...],
) -> None:
    world = await _world(*places)
    await world.run_to_end(world.unit(Taught(0, 1)))
    assert await _said(world) == _expected(*places)


async def test_a_unit_begun_after_the_changes_says_nothing_of_before_and_knows_it_all() -> None:
    world = await _world(0, 9)
    await world.run_to_end(world.unit(Taught(0, 1), start=Position(1, 15)))
    after = reckoned([_with_changes(0, 9)[:15]], SYMBOLS, LESSONS, 0)
    assert await _said(world) == _expected(0, 9)[len(after) :]


async def test_other_strategies_see_nothing_of_a_change() -> None:
    changed, plain = await _world(3, 9), World()
    await plain.fill(entries(ROWS, range(0, 40, 2)))
    for world in (changed, plain):
        await world.run_to_end(world.unit(Stateful()))
    assert await changed.outputs() == await plain.outputs()


def test_what_is_said_of_a_change_without_an_instrument_only_partition_0_says() -> None:
    said = []
    for partition in range(2):
        fold = Fold(Taught(partition, 2), "t", "1", partition=partition, partitions=2)
        (entry,) = [each for each in _with_changes(0) if each.source == "rules"]
        said.append(fold.take(entry, SYMBOLS, {1: LESSONS[1].encode()}))
    assert [len(outputs) for outputs in said] == [1, 0]


async def test_after_a_change_the_log_before_it_is_not_needed_any_more() -> None:
    world = await _world(0, 9)
    lazy = msgspec.structs.replace(CADENCE, snapshot=1e6, snapshot_rows=1_000_000)
    change = next(each for each in _with_changes(0, 9) if each.marks.get("rules") == 2)
    fold = Fold(Taught(0, 1), "taught", "1")
    spec = UnitSpec(strategy="taught", partition=0)
    unit = Unit(spec, fold, world.ports(), "test", lazy)
    task = asyncio.ensure_future(unit.run())
    await until(world.clock, lambda: unit.report().committed >= change.position)
    await crash(task)
    assert max(world.store.snapshots["taught/0"]) >= change.position
    await world.log.trim(0, max(world.store.snapshots["taught/0"]))
    unit = await world.run_to_end(world.unit(Taught(0, 1)))
    assert unit.report().state == "stopped", unit.report().reason
    assert await _said(world) == _expected(0, 9)


async def test_a_recovery_from_before_a_change_repeats_it_exactly() -> None:
    world = await _world(0, 9)
    await world.run_to_end(world.unit(Taught(0, 1)))
    kept = world.store.snapshots["taught/0"]
    for position in list(kept):
        del kept[position]  # as if all were damaged
    await world.fill([])
    last = await world.log.last(0)
    more = msgspec.structs.replace(
        entries(bar_rows(44, symbols=2)[40:], ())[0],
        position=Position(1, last.seq + 1),
        marks={"file": 44},
        offset=last.seq + 1,
    )
    await world.fill([more])
    unit = await world.run_to_end(world.unit(Taught(0, 1)))
    assert unit.report().state == "stopped", unit.report().reason
    found = [*_with_changes(0, 9), more]
    assert await _said(world) == reckoned([found], SYMBOLS, LESSONS, 0)


async def test_a_change_the_store_does_not_know_ends_the_host() -> None:
    world = World()
    await world.fill(_with_changes(2))
    with pytest.raises(Fatal, match="names change 1, which the store does not know"):
        await world.run_to_end(world.unit(Taught(0, 1)))


class Unteachable(Taught):
    """It raises when it is changed."""

    @override
    def change(self, number: int, body: bytes, ts_event: int) -> Iterable[Output]:
        raise ValueError("not this")


class Unlearning(Taught):
    """It raises when it is to learn."""

    @override
    def learn(self, other: Any) -> None:
        raise ValueError("not that")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Unteachable, "change 1: raised ValueError"), (Unlearning, "learning the log: raised")],
)
async def test_a_strategy_that_raises_at_a_change_is_quarantined(
    kind: type[Taught], reason: str
) -> None:
    world = await _world(4)
    unit = await world.run_to_end(world.unit(kind(0, 1)))
    assert unit.report().state == "quarantined"
    assert reason in unit.report().reason


def test_rows_of_other_partitions_are_only_for_strategies_that_change() -> None:
    (entry,) = entries(ROWS, ())
    stateful = Stateful()
    fold = Fold(stateful, "s", "1", partition=0, partitions=2)
    fold.take(entry, SYMBOLS)
    other = Stateful()
    Fold(other, "s", "1", partition=1, partitions=2).take(entry, SYMBOLS)
    assert set(stateful.state.seen) ^ set(other.state.seen) == {"SPY", "QQQ"}
    assert not np.isin(list(stateful.state.seen), list(other.state.seen)).any()
