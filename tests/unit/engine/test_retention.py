"""The log forgets what nobody needs, and nothing else."""

import asyncio
from typing import Any

import pytest

from tests.simulation.faults import crash, settle, until
from tests.simulation.market import SYMBOLS, Stateful, Unwritten, Written, bar_rows, entries
from tests.simulation.parts import World
from whispr_daemon.domain.batch import change_row
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.timeframe import DAY, MINUTE
from whispr_daemon.engine.retention import Retention
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.metrics import ROWS_TRIMMED

ROWS = bar_rows(120, symbols=2)  # an hour
CUTS = range(0, 120, 4)  # an entry holds two minutes
EVERYTHING = entries(ROWS, CUTS)


def retention(world: World, minutes: int) -> Retention:
    """Retention of so many minutes of the market."""
    return Retention(world.log, world.store, world.clock, world.figures, minutes * MINUTE)


async def ran(*strategies: Any) -> World:
    """A world whose log all of these strategies have folded."""
    world = World()
    await world.fill(EVERYTHING)
    for strategy in strategies:
        await world.run_to_end(world.unit(strategy))
    return world


async def first_minute(world: World) -> int:
    """How many minutes before the newest bar the oldest entry of the log ends."""
    (oldest,) = await world.log.read(0, ORIGIN, 1, 0.0)
    return int(ROWS["ts"][-1] - oldest.rows["ts"][-1]) // MINUTE


async def test_it_keeps_the_time_it_is_told_to_and_counts_what_goes() -> None:
    world = await ran(Stateful())
    for position in list(world.store.snapshots["stateful/0"])[:-1]:
        del world.store.snapshots["stateful/0"][position]  # all units stand at the end

    await retention(world, minutes=20).trim()

    assert await first_minute(world) == 20
    kept = sum(len(entry.rows) for entry in await world.log.read(0, ORIGIN, 1_000, 0.0))
    assert world.figures.counts[ROWS_TRIMMED.name] == len(ROWS) - kept
    await retention(world, minutes=20).trim()
    assert world.figures.counts[ROWS_TRIMMED.name] == len(ROWS) - kept


async def test_a_change_of_the_rules_made_years_after_its_market_holds_nothing_up() -> None:
    world = World()
    change = Entry(
        position=Position(1, 0),
        source="rules",
        marks={"rules": 1},
        rows=change_row(1, int(ROWS["ts"][-1]) + 1_000 * DAY),
    )
    await world.fill([change, *EVERYTHING])
    await world.run_to_end(world.unit(Stateful()))
    world.store.snapshots["stateful/0"].pop(ORIGIN, None)

    await retention(world, minutes=58).trim()

    assert await world.log.first(0) == EVERYTHING[0].position


async def test_what_came_after_the_oldest_snapshot_of_any_unit_stays() -> None:
    world = await ran(Stateful())
    slow = world.unit(Written())
    task = asyncio.ensure_future(slow.run())
    await until(world.clock, lambda: len(world.store.snapshots.get("written/0", {})) > 1)
    await crash(task)
    for kept in world.store.snapshots.values():
        kept.pop(ORIGIN, None)  # of a unit that has only begun
    oldest = min(world.store.snapshots["written/0"])
    assert oldest < EVERYTHING[-1].position

    await retention(world, minutes=1).trim()

    assert await world.log.first(0) == oldest
    again = await world.run_to_end(world.unit(Written()))
    assert again.report().state == "stopped"
    undisturbed = await ran(Written())
    said = [each for each in await world.outputs() if each.origin == "written"]
    assert said == await undisturbed.outputs()


@pytest.mark.parametrize("with_snapshot", [True, False])
async def test_of_a_unit_that_folds_the_log_from_its_start_all_stays(with_snapshot: bool) -> None:
    world = await ran(Stateful(), Unwritten() if with_snapshot else Written())
    if not with_snapshot:
        world.store.snapshots["written/0"].clear()  # it has only just been claimed

    await retention(world, minutes=1).trim()

    assert await world.log.first(0) == EVERYTHING[0].position


async def test_a_partition_without_units_is_left_alone() -> None:
    world = World(partitions=2)
    await world.store.register(SYMBOLS)
    await world.log.append([(1, entry) for entry in EVERYTHING])
    await world.store.claim("stateful/0", 0, "test", ORIGIN)
    await world.store.claim("whispr", 0, "the daemon itself", ORIGIN)

    await retention(world, minutes=1).trim()

    assert await world.log.first(1) == EVERYTHING[0].position


async def test_units_that_crash_while_the_log_is_trimmed_say_what_an_undisturbed_one_says() -> None:
    world = World(seed=3, faults=0.05)
    trimming = asyncio.ensure_future(_trim_on(world))
    for upto in range(1, len(EVERYTHING) + 1):
        await world.fill([EVERYTHING[upto - 1]])
        task = asyncio.ensure_future(world.unit(Stateful()).run())
        await settle(world.clock, 10)
        world.clock.advance(0.6)
        await settle(world.clock, 10)
        world.clock.advance(60)
        await settle(world.clock, 10)
        await crash(task)
    await crash(trimming)
    await world.run_to_end(world.unit(Stateful()))

    assert await world.log.first(0) > EVERYTHING[len(EVERYTHING) // 3].position
    undisturbed = await ran(Stateful())
    assert await world.outputs() == await undisturbed.outputs()


async def _trim_on(world: World) -> None:
    ports = world.ports()
    await Retention(ports.log, ports.store, ports.clock, ports.metrics, 2 * MINUTE).run()
