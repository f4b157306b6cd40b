"""The log has a bound in bytes; what a unit needs stays, and the daemon says so."""

import numpy as np
from structlog.testing import capture_logs

from tests.simulation.market import SYMBOLS, Stateful, Unwritten, bar_rows, entries
from tests.simulation.parts import World
from whispr_daemon.domain.batch import EVENT_DTYPE
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.domain.timeframe import DAY
from whispr_daemon.engine.retention import Retention
from whispr_daemon.ports.metrics import LETTERS_DROPPED, LOG_BYTES, LOG_EXCESS_BYTES
from whispr_daemon.ports.store import DeadLetter

ROWS = bar_rows(120, symbols=2)
EVERYTHING = entries(ROWS, range(0, 120, 4))
A_ROW = EVENT_DTYPE.itemsize


def retention(world: World, rows: int) -> Retention:
    """Retention of 400 days, but of no more bytes than so many rows take."""
    ports = (world.log, world.store, world.clock, world.figures)
    return Retention(*ports, 400 * DAY, rows * A_ROW)


async def ran(strategy: Stateful | Unwritten, partitions: int = 1) -> World:
    """A world whose log the strategy has folded, with a snapshot at its end alone."""
    world = World(partitions)
    for partition in range(partitions):
        await world.fill(EVERYTHING, partition)
    await world.run_to_end(world.unit(strategy))
    world.store.snapshots[f"{strategy.name}/0"].pop(ORIGIN, None)
    return world


async def rows_left(world: World, partition: int = 0) -> int:
    return sum(len(each.rows) for each in await world.log.read(partition, ORIGIN, 1_000, 0.0))


async def test_of_a_log_that_is_too_large_the_oldest_rows_go_however_young_they_are() -> None:
    world = await ran(Stateful())
    kept = min(world.store.snapshots["stateful/0"])
    after = np.sum([len(e.rows) for e in EVERYTHING if e.position >= kept])
    bound = int(after) + 6

    await retention(world, bound).trim()

    left = await rows_left(world)
    assert bound - 4 < left <= bound, "an entry has 4 rows, and goes whole"
    assert world.figures.gauges[(LOG_BYTES.name,)] == left * A_ROW
    assert world.figures.gauges[(LOG_EXCESS_BYTES.name,)] == 0


async def test_a_log_within_its_bound_is_left_alone() -> None:
    world = await ran(Stateful())
    await retention(world, len(ROWS)).trim()
    assert await rows_left(world) == len(ROWS)


async def test_what_a_unit_needs_stays_and_it_is_said_who_needs_it() -> None:
    world = await ran(Unwritten())

    with capture_logs() as said:
        await retention(world, 20).trim()

    assert await rows_left(world) == len(ROWS)
    (error,) = [each for each in said if each["log_level"] == "error"]
    assert error["needed_by"] == ["unwritten/0"]
    assert (error["bytes"], error["keep_bytes"]) == (len(ROWS) * A_ROW, 20 * A_ROW)
    assert world.figures.gauges[(LOG_EXCESS_BYTES.name,)] == (len(ROWS) - 20) * A_ROW


async def test_where_what_is_needed_is_too_much_by_itself_nothing_else_goes_for_it() -> None:
    world = await ran(Stateful(), partitions=2)
    (newest,) = list(world.store.snapshots["stateful/0"].values())[-1:]
    world.store.snapshots["stateful/0"] = {newest.position: newest}

    with capture_logs() as said:
        for _ in range(3):
            await retention(world, 100).trim()

    assert await rows_left(world, 0) == await rows_left(world, 1) == len(ROWS)
    errors = [each for each in said if each["log_level"] == "error"]
    assert [each["needed_by"] for each in errors] == [["partition 1, which no unit has read"]] * 3
    assert world.figures.gauges[(LOG_EXCESS_BYTES.name,)] == (2 * len(ROWS) - 100) * A_ROW


async def test_what_may_go_makes_up_for_what_is_needed_and_goes_once() -> None:
    world = await ran(Stateful(), partitions=2)
    bound = 2 * len(ROWS) - 40

    with capture_logs() as said:
        for _ in range(3):
            await retention(world, bound).trim()

    assert await rows_left(world, 1) == len(ROWS), "nobody has read it"
    assert await rows_left(world, 0) == len(ROWS) - 40
    assert [each for each in said if each["log_level"] == "error"] == []
    assert world.figures.gauges[(LOG_BYTES.name,)] == bound * A_ROW


async def test_all_partitions_give_the_same_share() -> None:
    world = await ran(Stateful(), partitions=2)
    await world.store.claim("other/1", 1, "test", ORIGIN)
    (newest,) = list(world.store.snapshots["stateful/0"].values())[-1:]
    world.store.snapshots["stateful/0"] = {newest.position: newest}
    world.store.snapshots["other/1"] = {newest.position: newest}

    await retention(world, len(ROWS)).trim()  # half of the two partitions

    assert await rows_left(world, 0) == await rows_left(world, 1) == len(ROWS) // 2


async def test_of_dead_letters_the_newest_are_kept() -> None:
    world = World()
    await world.store.register(SYMBOLS)
    letters = [DeadLetter(source="f", seq=n, reason="r", detail="") for n in range(120_003)]
    await world.store.bury(letters)

    await retention(world, 1).trim()

    assert list(await world.store.dead_letters(200_000)) == letters[20_003:]
    assert world.figures.counts[LETTERS_DROPPED.name] == 20_003
