"""The log folded again: where a comparison begins, and what it cannot judge."""

from collections.abc import Callable
from typing import Any

from tests.simulation.market import SYMBOLS, Stateful, Unwritten, bar_rows, entries
from tests.simulation.parts import World
from tests.simulation.taught import Taught
from tests.unit.engine.test_changes import _with_changes, _world
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.parity import Parity, Verdict, Witness
from whispr_daemon.engine.reader import Reader

ROWS = bar_rows(60, symbols=2)
ENTRIES = entries(ROWS, range(0, 60, 4))


async def compared(
    world: World, strategy: Callable[[], Any], code: str = "1", *, from_snapshot: bool = False
) -> Parity:
    """Compare what the world's only unit said."""
    name = strategy().name
    reader = Reader(world.log, world.store, world.clock, 0, 12)
    build = lambda: Fold(strategy(), name, code)  # noqa: E731
    witness = Witness(f"{name}/0", world.store, reader, build)
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
    class Moody(Stateful):
        """Its state at the beginning is not always the same."""

        def __init__(self, mood: float = 0.0) -> None:
            super().__init__()
            self.state.total = mood

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
