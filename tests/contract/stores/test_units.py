"""What a store keeps of units: snapshots, quarantine, outputs in their order."""

import asyncio

import pytest

from tests.contract.stores.parts import Place, Unit, at, signal
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.ports.store import Store, StoredOutput

# Snapshots


async def test_a_claim_brings_the_newest_snapshot(unit: Unit) -> None:
    await unit.say(signal("first"), snapshot=b"older")
    commit = await unit.say(signal("second"), snapshot=bytes(range(256)) * 1000)
    await unit.say(signal("later"))

    assert await unit.claim() == commit.snapshot


async def test_three_snapshots_are_kept_and_a_damaged_one_is_passed_over(
    unit: Unit, place: Place
) -> None:
    commits = [await unit.say(snapshot=f"{number}".encode()) for number in range(5)]
    damage = "UPDATE snapshot SET crc = crc + 1 WHERE pos = (SELECT max(pos) FROM snapshot {})"

    for filter_, expected in (
        ("", commits[3].snapshot),
        (f"WHERE pos < {commits[4].new.pack()}", commits[2].snapshot),
        (f"WHERE pos < {commits[3].new.pack()}", None),
    ):
        await place.execute(damage.format(filter_))
        assert await unit.claim() == expected


async def test_all_kept_snapshots_come_oldest_first_without_damaged_ones(
    unit: Unit, place: Place
) -> None:
    commits = [await unit.say(snapshot=f"{number}".encode()) for number in range(5)]

    assert await unit.store.snapshots_of(unit.name) == [each.snapshot for each in commits[2:]]
    await place.execute(f"UPDATE snapshot SET crc = crc + 1 WHERE pos = {commits[3].new.pack()}")
    kept = [commits[2].snapshot, commits[4].snapshot]
    assert await unit.store.snapshots_of(unit.name) == kept
    assert await unit.store.snapshots_of("nobody/0") == []


async def test_snapshots_of_one_unit_are_not_those_of_another(unit: Unit) -> None:
    other = Unit(unit.store, "rules/1")
    await other.claim()
    commit = await other.say(snapshot=b"other")
    for number in range(4):
        await unit.say(snapshot=f"{number}".encode())

    assert await other.claim() == commit.snapshot


# Quarantine


async def test_a_quarantine_is_recorded_until_it_is_released(unit: Unit) -> None:
    await unit.store.quarantine(unit.name, unit.epoch, at(7), "spoke nonsense")
    await unit.store.quarantine(unit.name, unit.epoch, at(8), "again")

    (found,) = await unit.store.quarantined()
    assert (found.unit_id, found.position, found.reason) == (unit.name, at(8), "again")
    assert found.since > 1_700_000_000_000_000_000
    await unit.claim()
    assert await unit.store.quarantined() == [found]
    assert await unit.store.release(unit.name)
    assert await unit.store.quarantined() == []


async def test_only_a_unit_in_quarantine_is_released(unit: Unit) -> None:
    await unit.store.quarantine(unit.name, unit.epoch, at(7), "spoke nonsense")

    assert not await unit.store.release("nobody/0")
    assert await unit.store.release(unit.name)
    assert not await unit.store.release(unit.name)


async def test_a_zombie_cannot_put_its_unit_in_quarantine(unit: Unit) -> None:
    await unit.store.claim(unit.name, 0, "another", ORIGIN)

    with pytest.raises(Fenced, match="unit rules/0: epoch 1"):
        await unit.store.quarantine(unit.name, 1, at(7), "spoke nonsense")
    with pytest.raises(Fenced):
        await unit.store.quarantine("nobody/0", 1, at(7), "spoke nonsense")

    assert await unit.store.quarantined() == []


# Reading outputs


async def test_outputs_come_after_each_units_cursor_in_order_and_limited(store: Store) -> None:
    for name in ("b/0", "a/0", "B/0"):
        unit = Unit(store, name)
        await unit.claim()
        await unit.say(*(signal(f"{name}{number}") for number in range(3)))

    def places(stored: object) -> list[tuple[str, int]]:
        assert isinstance(stored, list)
        return [(each.unit_id, each.out_seq) for each in stored]

    assert places(await store.outputs({"a/0": 3, "b/0": 1}, 10)) == [
        *(("B/0", 1), ("B/0", 2), ("B/0", 3)),
        *(("b/0", 2), ("b/0", 3)),
    ]
    assert places(await store.outputs({"B/0": 2, "gone/0": 4}, 2)) == [("B/0", 3), ("a/0", 1)]
    assert await store.outputs({"a/0": 3, "b/0": 3, "B/0": 99}, 10) == []


async def test_a_reader_misses_nothing_of_units_that_commit_at_the_same_time(store: Store) -> None:
    units = [Unit(store, name) for name in ("x/0", "x/1")]
    for unit in units:
        await unit.claim()
    seen: list[StoredOutput] = []
    cursors: dict[str, int] = {}

    async def speak(unit: Unit) -> None:
        for number in range(20):
            await unit.say(*(signal(f"{unit.name} {number} {part}") for part in range(3)))

    async def follow() -> None:
        while len(seen) < 120:
            for each in await store.outputs(cursors, 7):
                assert each.out_seq == cursors.get(each.unit_id, 0) + 1
                cursors[each.unit_id] = each.out_seq
                seen.append(each)

    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        group.create_task(follow())
        for unit in units:
            group.create_task(speak(unit))

    assert cursors == {"x/0": 60, "x/1": 60}
    assert len({each.output.id for each in seen}) == 120


async def test_recent_outputs_are_the_newest_by_event_time_oldest_first(unit: Unit) -> None:
    await unit.say(signal("late", 300), signal("early", 100))
    await unit.say(signal("middle", 200))

    assert [each.output.name for each in await unit.store.recent_outputs(2)] == ["middle", "late"]
