"""The log folded again: where a comparison begins, and what it cannot judge."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from typing_extensions import override

from tests.simulation.market import SYMBOLS, Stateful, Unwritten, bar_rows, entries
from tests.simulation.parts import World
from tests.simulation.taught import Lesson, Taught
from tests.unit.engine.test_changes import _with_changes, _world
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.parity import Parity, Verdict, Witness
from whispr_daemon.engine.reader import Reader
from whispr_daemon.ports.event_log import Entry

ROWS = bar_rows(60, symbols=2)
ENTRIES = entries(ROWS, range(0, 60, 4))


class Moody(Stateful):
    """Its state at the beginning is not always the same."""

    def __init__(self, mood: float = 0.0) -> None:
        super().__init__()
        self.state.total = mood


class Disturbed(MemoryEventLog):
    """Something happens to it right before its reads of some numbers."""

    def __init__(self, world: World) -> None:
        super().__init__(1, world.clock)
        self.reads = 0
        self.before: dict[int, Callable[[], Awaitable[object]]] = {}

    @override
    async def read(
        self, partition: int, after: Position, max_rows: int, wait: float
    ) -> Sequence[Entry]:
        self.reads += 1
        if happens := self.before.pop(self.reads, None):
            await happens()
        return await super().read(partition, after, max_rows, wait)


class Dwindling(MemoryEventLog):
    """It is an entry shorter whenever a restore asks where it ends, once that has begun."""

    dwindles = False

    @override
    async def last(self, partition: int) -> Position:
        if self.dwindles:
            await self.trim(partition, Position(1, (await self.first(partition)).seq + 1))
        return await super().last(partition)


async def compared(
    world: World,
    strategy: Callable[[], Any],
    code: str = "1",
    *,
    partition: int = 0,
    from_snapshot: bool = False,
) -> Parity:
    """Compare what the world's only unit said."""
    name = strategy().name
    reader = Reader(world.log, world.store, world.clock, partition, 12)
    build = lambda: Fold(strategy(), name, code, partition=partition)  # noqa: E731
    witness = Witness(f"{name}/{partition}", world.store, reader, build)
    return await witness.compare(from_snapshot=from_snapshot)


async def begun() -> World:
    """A world with half of the entries in its log."""
    world = World()
    await world.store.register(SYMBOLS)
    await world.fill(ENTRIES[:8])
    return world


async def test_after_an_upgrade_only_what_the_new_code_said_is_compared() -> None:
    world = await begun()
    await world.run_to_end(world.unit(Stateful()))
    upgraded = (await world.store.marks())["stateful/0"].wm
    await world.run_to_end(world.unit(Stateful(), code="2"))
    await world.fill(ENTRIES[8:])
    await world.run_to_end(world.unit(Stateful(), code="2"))

    found = await compared(world, Stateful, code="2")

    assert found.verdict is Verdict.SAME, found
    assert found.begin >= upgraded
    assert (await compared(world, Stateful, code="1")).verdict is Verdict.UNVERIFIED


async def test_a_strategy_that_writes_no_state_is_folded_from_the_start_after_an_upgrade() -> None:
    world = await begun()
    await world.run_to_end(world.unit(Unwritten()))
    said = len(await world.outputs())
    await world.run_to_end(world.unit(Unwritten(), code="2"))
    await world.fill(ENTRIES[8:])
    await world.run_to_end(world.unit(Unwritten(), code="2"))

    found = await compared(world, Unwritten, code="2")

    assert (found.verdict, found.begin, found.rows) == (Verdict.SAME, ORIGIN, len(ROWS)), found
    assert found.outputs == len(await world.outputs()) - said


async def test_a_strategy_that_reads_something_else_than_the_log_differs_and_is_named() -> None:
    world = await begun()
    await world.run_to_end(world.unit(Moody()))

    found = await compared(world, lambda: Moody(1.0))

    assert (found.verdict, found.outputs) == (Verdict.DIFFERS, 0)
    assert found.first is not None
    assert found.first.log is not None
    assert found.first.store is not None
    assert (found.first.number, found.first.log.id) == (1, found.first.store.id)


async def test_what_was_learned_from_a_log_trimmed_since_is_not_learned_again() -> None:
    world = await _world(0, 9)
    await world.run_to_end(world.unit(Taught(0, 1)))
    assert (await compared(world, lambda: Taught(0, 1))).verdict is Verdict.SAME
    change = next(each for each in _with_changes(0, 9) if each.marks.get("rules") == 2)
    oldest, *_, newest = sorted(world.store.snapshots["taught/0"])
    assert ORIGIN < oldest < change.position <= newest

    for first in (oldest, change.position):  # the oldest snapshot is of use no longer
        await world.log.trim(0, first)
        found = await compared(world, lambda: Taught(0, 1))
        assert (found.verdict, found.begin >= change.position) == (Verdict.SAME, True), found


async def disturbed() -> tuple[World, Disturbed]:
    """A world whose unit has three snapshots and more to read; nothing has happened to its log."""
    world = World()
    world.log = disturbed = Disturbed(world)
    await world.store.register(SYMBOLS)
    for end in (3, 5, 8):
        await world.fill(ENTRIES[:end])
        await world.run_to_end(world.unit(Stateful()))
    return world, disturbed


async def trim(world: World) -> None:
    """Trim the log as retention does, to the oldest snapshot."""
    await world.log.trim(0, min(world.store.snapshots["stateful/0"]))


async def go_on_and_trim(world: World) -> None:
    """Let the unit leave all behind that it had when it was looked at, its log too."""
    for end in (10, 12, 15):
        await world.fill(ENTRIES[:end])
        await world.run_to_end(world.unit(Stateful()))
    await trim(world)


@pytest.mark.parametrize(
    ("happens", "begins"),
    [(trim, {ORIGIN, Position(1, 3)}), (go_on_and_trim, {Position(1, 10)})],
)
async def test_a_log_that_is_trimmed_at_any_of_its_reads_is_compared_once_more(
    happens: Callable[[World], Awaitable[None]], begins: set[Position]
) -> None:
    world, log = await disturbed()
    before = log.reads
    assert (await compared(world, Stateful)).begin == ORIGIN
    trimmed_at = range(1, log.reads - before + 1)
    assert len(trimmed_at) > 5
    begun = set()
    for read in trimmed_at:
        world, log = await disturbed()
        log.before[log.reads + read] = lambda world=world: happens(world)  # type: ignore[misc]
        found = await compared(world, Stateful)
        assert (found.verdict, found.reason) == (Verdict.SAME, ""), (read, found)
        assert not log.before
        begun.add(found.begin)
    assert begun == begins


@pytest.mark.parametrize("read", range(1, 7))
async def test_what_differs_and_was_there_differs_also_where_the_log_is_trimmed_meanwhile(
    read: int,
) -> None:
    world, log = await disturbed()
    log.before[log.reads + read] = lambda: trim(world)
    found = await compared(world, lambda: Moody(1.0))
    # What went before it was folded nobody can tell any more: the snapshots go on from there.
    assert found.verdict is (Verdict.DIFFERS if read > 4 else Verdict.SAME), found


async def test_where_the_log_is_trimmed_again_and_again_it_is_asked_for_later() -> None:
    world = World()
    world.log = log = Dwindling(1, world.clock)
    for end in range(1, 4):
        await world.fill(ENTRIES[:end])
        await world.run_to_end(world.unit(Stateful()))
    await world.fill(ENTRIES)
    log.dwindles = True

    found = await compared(world, Stateful)

    assert found.verdict is Verdict.UNVERIFIED
    assert "the log was trimmed meanwhile, 3 times: ask again" in found.reason
    log.dwindles = False
    assert "ask again" not in (await compared(world, Stateful)).reason


async def test_what_was_learned_from_another_partition_trimmed_since_is_not_learned_again() -> None:
    home, other = (partition_of(symbol, 2) for symbol in ("SPY", "QQQ"))
    assert home != other
    world = World(partitions=2)
    for lesson in (Lesson(("SPY",)), Lesson(("SPY",), ("QQQ",))):
        await world.store.add_change(lesson.encode())
    for partition in (home, other):
        await world.fill(_with_changes(0, 9), partition)
    await world.run_to_end(world.unit(Taught(home, 2), partition=home), home)
    taught = lambda: Taught(home, 2)  # noqa: E731
    assert (await compared(world, taught, partition=home)).begin == ORIGIN

    await world.log.trim(other, Position(1, 6))
    found = await compared(world, taught, partition=home)
    assert (found.verdict, found.begin > ORIGIN) == (Verdict.SAME, True), found
