"""A unit recovers, is upgraded and starts late: what it says is what an undisturbed run says."""

import asyncio
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.faults import crash, finish, settle, until
from tests.simulation.market import KINDS, SYMBOLS, Stateful, Unwritten, bar_rows, entries
from tests.simulation.parts import World
from whispr_daemon.domain.errors import Fenced, LogWentBack, RetentionBroken, Transient
from whispr_daemon.domain.outputs import Output
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.unit import Unit
from whispr_daemon.ports.store import Commit

ROWS = bar_rows(60, symbols=2)


def _folded(kind: Any, cuts: set[int], restart: set[int]) -> tuple[list[Output], str, int]:
    fold = Fold(kind(), "o", "1")
    said: list[Output] = []
    for number, entry in enumerate(entries(ROWS, sorted(cuts))):
        if number in restart and fold.snapshots:
            fresh = Fold(kind(), "o", "1")
            fresh.restore(fold.snapshot())
            fold = fresh
        outputs = fold.take(entry, SYMBOLS)
        fold.count(outputs)
        assert fold.take(entry, SYMBOLS) == []  # repeated
        said += outputs
    return said, fold.out_hash, fold.rows


@pytest.mark.parametrize("kind", KINDS)
@given(cuts=st.sets(st.integers(1, 59)), restart=st.sets(st.integers(0, 20)))
def test_any_cut_of_entries_and_any_restart_give_the_same_outputs_and_hash(
    kind: Any, cuts: set[int], restart: set[int]
) -> None:
    assert _folded(kind, cuts, restart) == _folded(kind, set(), set())


async def _undisturbed(kind: Any) -> list[Output]:
    world = World()
    await world.fill(entries(ROWS, range(0, 60, 4)))
    await world.run_to_end(world.unit(kind()))
    return await world.outputs()


async def _disturb(world: World, unit: Unit, random: Random) -> None:
    """Run a unit for a while, then end it where it stands."""
    task = asyncio.ensure_future(unit.run())
    for _ in range(random.randrange(1, 8)):
        await settle(world.clock, random.randrange(1, 15))
        world.clock.advance(random.choice((0.0, 0.1, 0.3)))
    await crash(task)
    assert task.cancelled() or task.exception() is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
async def test_crashes_anywhere_change_nothing(kind: Any, seed: int) -> None:
    random = Random(seed)
    world = World(seed=seed, faults=0.1)
    await world.fill(entries(ROWS, range(0, 60, 4)))
    for _ in range(8):
        await _disturb(world, world.unit(kind()), random)
    unit = await world.run_to_end(world.unit(kind()))
    assert unit.report().state == "stopped", unit.report().reason
    assert await world.outputs() == await _undisturbed(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
async def test_upgrades_with_crashes_between_lose_and_repeat_nothing(kind: Any, seed: int) -> None:
    random = Random(seed)
    world = World(seed=seed, faults=0.05)
    found = entries(ROWS, range(0, 60, 4))
    for number, code in enumerate(("1", "2", "3", "1", "1")):
        await world.fill(found[number * 3 : number * 3 + 3])
        for _ in range(2):
            await _disturb(world, world.unit(kind(), code=code), random)
        if random.random() < 0.3:
            await world.run_to_end(world.unit(kind(), code=code))
    unit = await world.run_to_end(world.unit(kind(), code="1"))
    assert unit.report().state == "stopped", unit.report().reason
    assert await world.outputs() == await _undisturbed(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
async def test_a_unit_created_late_is_warm_and_says_nothing_about_the_past(
    kind: Any, seed: int
) -> None:
    random = Random(seed)
    world = World(seed=seed)
    found = entries(ROWS, range(0, 60, 4))
    await world.fill(found[:7])
    start = found[6].position
    for _ in range(2):
        await _disturb(world, world.unit(kind(), start=start), random)
    await world.fill(found[7:])
    for _ in range(2):
        await _disturb(world, world.unit(kind(), start=start), random)
    await world.run_to_end(world.unit(kind(), start=start))
    end_of_past = int(found[6].rows["ts"][-1])
    whole = await _undisturbed(kind)
    assert await world.outputs() == [each for each in whole if each.ts_event > end_of_past]


async def test_a_unit_whose_owner_is_replaced_is_fenced_and_adds_nothing() -> None:
    world = World()
    found = entries(ROWS, range(0, 60, 4))
    await world.fill(found[:5])
    old = asyncio.ensure_future(world.unit(Stateful()).run())
    await settle(world.clock, 400)
    await world.run_to_end(world.unit(Stateful()))
    await world.fill(found[5:])
    before = await world.outputs()
    with pytest.raises(Fenced):
        await finish(world.clock, old)
    assert await world.outputs() == before


class Doubtful:
    """Its first commits with outputs fail, before or after they have happened."""

    def __init__(self, store: Any, after: bool) -> None:
        self._store, self._after, self.failed = store, after, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        doubt = bool(commit.outputs) and self.failed < 3
        self.failed += doubt
        if self._after or not doubt:
            await self._store.commit(commit)
        if doubt:
            raise Transient("who knows")


@pytest.mark.parametrize("after", [False, True])
async def test_a_commit_of_unknown_outcome_is_found_out(after: bool) -> None:
    world = World()
    await world.fill(entries(ROWS, range(0, 60, 4)))
    store: Any = Doubtful(world.store, after)
    ports = world.ports(store=store)
    await world.run_to_end(world.unit(Stateful(), ports=ports))
    assert store.failed == 3
    assert await world.outputs() == await _undisturbed(Stateful)


async def test_a_log_that_went_back_stops_the_unit() -> None:
    world = World()
    found = entries(ROWS, range(0, 60, 4))
    await world.fill(found)
    await world.run_to_end(world.unit(Stateful()))
    back = World()
    back.store = world.store
    await back.fill(found[:9])
    with pytest.raises(
        LogWentBack, match=r"durable up to 1-15, which .* does not hold \(it ends at 1-9\)"
    ):
        await finish(back.clock, back.unit(Stateful()).run())


async def test_a_unit_that_needs_trimmed_entries_says_so() -> None:
    world = World()
    found = entries(ROWS, range(0, 60, 4))
    await world.fill(found)
    await world.run_to_end(world.unit(Unwritten()))
    await world.log.trim(0, found[5].position)
    with pytest.raises(RetentionBroken, match="trimmed up to row 20"):
        await finish(world.clock, world.unit(Unwritten()).run())


async def test_a_unit_with_a_snapshot_needs_nothing_before_it() -> None:
    world = World()
    found = entries(ROWS, range(0, 60, 4))
    await world.fill(found[:8])
    await world.run_to_end(world.unit(Stateful()))
    await world.fill(found[8:])
    await world.log.trim(0, found[7].position)
    await world.run_to_end(world.unit(Stateful()))
    assert await world.outputs() == await _undisturbed(Stateful)


async def test_a_unit_with_a_snapshot_starts_though_its_own_mark_was_trimmed() -> None:
    world = World()
    found = entries(ROWS, range(0, 60, 4))
    await world.fill(found[:8])
    await world.run_to_end(world.unit(Stateful()))
    await world.fill(found[8:])
    await world.log.trim(0, found[8].position)
    await world.run_to_end(world.unit(Stateful()))
    assert await world.outputs() == await _undisturbed(Stateful)


async def test_a_strategy_that_fails_is_quarantined_with_the_place_and_what_it_had_said() -> None:
    class Failing(Stateful):
        name = "stateful"

        def on_event(self, event: Any) -> list[Output]:  # type: ignore[explicit-override]
            if event.ts_event >= int(ROWS["ts"][30]):
                raise ZeroDivisionError("no volume")
            return super().on_event(event)

    world = World()
    await world.fill(entries(ROWS, range(0, 60, 10)))
    unit = await world.run_to_end(world.unit(Failing()))
    assert unit.report().state == "quarantined"
    moment = datetime.fromtimestamp(int(ROWS["ts"][30]) // 10**9, tz=UTC).isoformat()
    place = f"at position 1-4, {moment}"
    assert f"{place}: raised ZeroDivisionError('no volume')" in unit.report().reason
    whole = await _undisturbed(Stateful)
    assert await world.outputs() == [e for e in whole if e.ts_event < int(ROWS["ts"][30])]
    (found,) = await world.store.quarantined()
    assert (found.unit_id, str(found.position)) == ("stateful/0", "1-3")


async def test_a_stop_is_prompt_on_a_silent_log() -> None:
    world = World()
    unit = world.unit(Stateful())
    task = asyncio.ensure_future(unit.run())
    await until(world.clock, lambda: unit.report().state == "live")
    unit.stop()
    before = world.clock.monotonic()
    await finish(world.clock, task)
    assert world.clock.monotonic() - before <= 0.3


async def test_every_entry_of_a_backlog_is_progress() -> None:
    world = World()
    backlog = entries(ROWS, range(1, 60))
    await world.fill(backlog)
    unit = await world.run_to_end(world.unit(KINDS[0]()))
    assert unit.report().turns > len(backlog)
