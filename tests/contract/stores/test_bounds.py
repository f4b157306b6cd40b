"""What of a store would grow for ever and does not."""

from pathlib import Path

import pytest

from tests.contract.stores.parts import Unit, at
from whispr_daemon.adapters.stores import sqlite_file
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.ports.store import DeadLetter, Store


def letter(seq: int) -> DeadLetter:
    return DeadLetter(source="spy.csv", seq=seq, reason="nan_price", detail=f"row {seq}")


async def test_old_dead_letters_are_dropped_and_counted(store: Store) -> None:
    letters = [letter(seq) for seq in (5, 3, 9, 1, 7)]
    await store.bury(letters)

    assert await store.drop_dead_letters(5, 10) == 0
    assert await store.drop_dead_letters(2, 10) == 3
    assert await store.dead_letters(10) == letters[3:]
    assert await store.drop_dead_letters(2, 10) == 0


async def test_of_many_old_dead_letters_the_oldest_are_dropped_first(store: Store) -> None:
    letters = [letter(seq) for seq in (5, 3, 9, 1, 7)]
    await store.bury(letters)

    assert await store.drop_dead_letters(1, 3) == 3
    assert await store.dead_letters(10) == letters[3:]
    assert await store.drop_dead_letters(1, 3) == 1
    assert await store.dead_letters(10) == letters[4:]


async def test_a_dropped_dead_letter_that_is_buried_again_is_the_newest(store: Store) -> None:
    await store.bury([letter(1), letter(2)])
    await store.drop_dead_letters(1, 10)
    await store.bury([letter(1), letter(2)])

    assert await store.dead_letters(10) == [letter(2), letter(1)]


async def test_no_dead_letters_are_no_error(store: Store) -> None:
    assert await store.drop_dead_letters(1, 10) == 0


async def test_snapshots_are_three_a_unit_whoever_owned_it_when(unit: Unit) -> None:
    commits = []
    for number in range(7):
        commits.append(await unit.say(snapshot=f"{number}".encode()))
        if number in (2, 5):
            await unit.claim(owner=f"owner {number}")

    assert await unit.store.snapshots_of(unit.name) == [each.snapshot for each in commits[-3:]]


async def test_commits_without_a_snapshot_leave_those_there_are(unit: Unit) -> None:
    commits = [await unit.say(snapshot=f"{number}".encode()) for number in range(3)]
    for _ in range(5):
        await unit.say()

    kept = await unit.store.snapshots_of(unit.name)
    assert kept == [each.snapshot for each in commits]
    assert [each.position for each in kept] == [at(1), at(2), at(3)]


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
async def test_a_snapshot_comes_back_whole_whatever_its_size(unit: Unit, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    commit = await unit.say(snapshot=body[:size])

    assert await unit.store.snapshots_of(unit.name) == [commit.snapshot]


async def test_a_write_ahead_log_that_was_large_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_WAL_BYTES", 2**20)
    file = tmp_path / "store.db"
    unit = Unit(await SqliteStore.open(file))
    await unit.claim()
    held = file.with_name("store.db-wal")
    await unit.say(snapshot=bytes(4 * 2**20))
    assert held.stat().st_size > 4 * 2**20
    for _ in range(2):
        await unit.say()
    assert held.stat().st_size <= 2**20
    await unit.store.close()
