"""Every store keeps what it acknowledged, once, and knows its owners."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.domain.errors import Fatal, Fenced, Poison, SettingsError, StaleCommit
from whispr_daemon.domain.outputs import Alert, Output, Sealer, Signal, chain
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import Commit, DeadLetter, Producer, Snapshot, Store, StoredOutput

_numbers = count(1)


class Sqlite:
    """A file, opened as often as a test wishes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def open(self) -> Store:
        return await SqliteStore.open(self.path)

    async def execute(self, sql: str) -> None:
        """What no method of a store would do."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(sql)
        connection.close()

    async def pretend_version(self, version: int) -> None:
        await self.execute(f"PRAGMA user_version = {version}")


class Postgres:
    """A database, opened as often as a test wishes."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.url = f"{server.url.rpartition('/')[0]}/{name}"

    async def open(self) -> Store:
        return await PostgresStore.open(self.url, self.server.password)

    async def execute(self, sql: str, *, url: str = "") -> None:
        """What no method of a store would do."""
        connection = await asyncpg.connect(url or self.url, password=self.server.password)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def pretend_version(self, version: int) -> None:
        await self.execute(f"INSERT INTO schema_version VALUES ({version})")


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> Server | None:
    """The server the store is on, None for a store that needs none."""
    found = None if request.param == "sqlite" else request.getfixturevalue("postgres_server")
    assert found is None or isinstance(found, Server)
    return found


@pytest.fixture
async def place(server: Server | None, tmp_path: Path) -> AsyncIterator[Sqlite | Postgres]:
    """Where a store may be, with nothing in it yet."""
    if server is None:
        yield Sqlite(tmp_path / "store.db")
        return
    database = Postgres(server, f"store_{next(_numbers)}")
    await database.execute(f"CREATE DATABASE {database.name}", url=server.url)
    yield database
    await database.execute(f"DROP DATABASE {database.name} WITH (FORCE)", url=server.url)


@pytest.fixture
async def store(place: Sqlite | Postgres) -> AsyncIterator[Store]:
    """A new store."""
    opened = await place.open()
    yield opened
    await opened.close()


def at(seq: int) -> Position:
    return Position(1, seq)


def signal(name: str, ts_event: int = 1_700_000_000_000_000_000) -> Output:
    said = Signal(name=name, instrument="SPY", level=1.1, data={"é": [1, "\u2028", 0.1]})
    return Sealer("rule", "1").seal(said, ts_event)


class Unit:
    """A unit as its host sees it: each commit goes on where the last one ended."""

    def __init__(self, store: Store, name: str = "rules/0") -> None:
        self.store = store
        self.name = name
        self.epoch = 0
        self.wm = ORIGIN
        self.out_seq = 0
        self.out_hash = ""

    async def claim(self, owner: str = "me", start: Position = ORIGIN) -> Snapshot | None:
        claim = await self.store.claim(self.name, 0, owner, start)
        mark = claim.mark
        self.epoch, self.wm = mark.epoch, mark.wm
        self.out_seq, self.out_hash = mark.out_seq, mark.out_hash
        return claim.snapshot

    def next(self, *outputs: Output, snapshot: bytes | None = None) -> Commit:
        new = Position(1, self.wm.seq + 1)
        out_seq, out_hash = self.out_seq + len(outputs), self.out_hash
        for output in outputs:
            out_hash = chain(out_hash, output)
        taken = Snapshot(
            position=new,
            out_seq=out_seq,
            out_hash=out_hash,
            code_version="7",
            codec="msgpack",
            body=snapshot or b"",
        )
        return Commit(
            unit_id=self.name,
            epoch=self.epoch,
            old=self.wm,
            new=new,
            out_seq=out_seq,
            out_hash=out_hash,
            outputs=outputs,
            snapshot=None if snapshot is None else taken,
        )

    async def say(self, *outputs: Output, snapshot: bytes | None = None) -> Commit:
        commit = self.next(*outputs, snapshot=snapshot)
        await self.store.commit(commit)
        self.wm, self.out_seq, self.out_hash = commit.new, commit.out_seq, commit.out_hash
        return commit


@pytest.fixture
async def unit(store: Store) -> Unit:
    """A unit of the store, claimed."""
    claimed = Unit(store)
    await claimed.claim()
    return claimed


# Claims


async def test_the_first_claim_starts_a_unit_where_it_was_told_to(store: Store) -> None:
    claim = await store.claim("ema/3", 3, "me", Position(2, 5))

    assert claim.snapshot is None
    mark = claim.mark
    assert (mark.epoch, mark.start, mark.wm) == (1, Position(2, 5), Position(2, 5))
    assert (mark.out_seq, mark.out_hash) == (0, "")


async def test_a_later_claim_raises_the_epoch_and_keeps_the_place(unit: Unit) -> None:
    await unit.say(signal("a"), signal("b"))

    claim = await unit.store.claim(unit.name, 0, "another", Position(9, 9))

    mark = claim.mark
    assert (mark.epoch, mark.start, mark.wm) == (unit.epoch + 1, ORIGIN, unit.wm)
    assert (mark.out_seq, mark.out_hash) == (2, unit.out_hash)


async def test_claims_at_the_same_time_get_different_epochs(store: Store) -> None:
    claims = await asyncio.gather(*(store.claim("u/0", 0, f"{n}", ORIGIN) for n in range(8)))

    assert sorted(claim.mark.epoch for claim in claims) == list(range(1, 9))


async def test_an_owner_whose_unit_was_claimed_commits_nothing_more(unit: Unit) -> None:
    await unit.store.claim(unit.name, 0, "another", ORIGIN)

    with pytest.raises(StaleCommit, match="rules/0: no unit of epoch 1 at 0-0"):
        await unit.say(signal("a"), snapshot=b"state")

    assert await unit.store.outputs({}, 10) == []
    assert (await unit.store.mark(unit.name)).epoch == 2
    assert await unit.claim() is None


# Commits


async def test_a_commit_moves_the_mark_and_stores_the_outputs_word_for_word(unit: Unit) -> None:
    alert = Sealer("rule", "1").seal(Alert(message="Grüße 👋", severity="warn"), 5)
    said = (signal("a"), alert)

    await unit.say(*said)

    mark = await unit.store.mark(unit.name)
    assert (mark.wm, mark.out_seq, mark.out_hash) == (at(1), 2, unit.out_hash)
    stored = await unit.store.outputs({}, 10)
    assert [each.output for each in stored] == list(said)
    assert [(each.unit_id, each.out_seq) for each in stored] == [("rules/0", 1), ("rules/0", 2)]
    assert all(each.created > 1_700_000_000_000_000_000 for each in stored)


async def test_a_commit_may_have_neither_outputs_nor_a_new_position(unit: Unit) -> None:
    await unit.say()
    again = unit.next(snapshot=b"state")
    stopped = Commit(
        unit_id=unit.name,
        epoch=unit.epoch,
        old=unit.wm,
        new=unit.wm,
        out_seq=0,
        out_hash="",
        snapshot=again.snapshot,
    )

    await unit.store.commit(stopped)
    await unit.store.commit(stopped)

    assert (await unit.store.mark(unit.name)).wm == at(1)
    assert await unit.claim() == again.snapshot


async def test_the_same_commit_sent_twice_is_stale_and_the_mark_tells_that_it_happened(
    unit: Unit,
) -> None:
    commit = await unit.say(signal("a"))

    with pytest.raises(StaleCommit):
        await unit.store.commit(commit)

    mark = await unit.store.mark(unit.name)
    assert (mark.epoch, mark.wm) == (commit.epoch, commit.new)
    assert len(await unit.store.outputs({}, 10)) == 1


async def test_an_id_already_taken_is_named_and_nothing_of_the_commit_stays(unit: Unit) -> None:
    taken = signal("a")
    await unit.say(taken)

    with pytest.raises(Poison, match=taken.id):
        await unit.say(signal("b"), taken, snapshot=b"state")

    assert (await unit.store.mark(unit.name)).wm == at(1)
    assert [each.output.name for each in await unit.store.outputs({}, 10)] == ["a"]
    await unit.say(signal("b"))


async def test_an_id_taken_by_another_unit_is_named(unit: Unit) -> None:
    other = Unit(unit.store, "other/0")
    await other.claim()
    await other.say(signal("a"))

    with pytest.raises(Poison, match=f"rules/0: output id {signal('a').id}"):
        await unit.say(signal("a"))


async def test_an_id_twice_in_one_commit_is_named(unit: Unit) -> None:
    with pytest.raises(Poison, match=signal("a").id):
        await unit.say(signal("b"), signal("a"), signal("a"))

    assert await unit.store.outputs({}, 10) == []


async def test_outputs_that_would_leave_a_gap_are_refused(unit: Unit) -> None:
    unit.out_seq = 5

    with pytest.raises(Fatal, match="counts its newest output as 6, after those stored it is 1"):
        await unit.say(signal("a"))

    assert (await unit.store.mark(unit.name)).wm == ORIGIN


async def test_the_mark_of_a_unit_never_claimed_is_refused(store: Store) -> None:
    with pytest.raises(Fatal, match="no unit 'nobody/0'"):
        await store.mark("nobody/0")


async def test_marks_are_those_of_all_units(unit: Unit) -> None:
    other = Unit(unit.store, "other/1")
    await other.claim(start=at(4))
    await unit.say()

    marks = await unit.store.marks()

    assert {name: mark.wm for name, mark in marks.items()} == {"rules/0": at(1), "other/1": at(4)}


# Snapshots


async def test_a_claim_brings_the_newest_snapshot(unit: Unit) -> None:
    await unit.say(signal("first"), snapshot=b"older")
    commit = await unit.say(signal("second"), snapshot=bytes(range(256)) * 1000)
    await unit.say(signal("later"))

    assert await unit.claim() == commit.snapshot


async def test_three_snapshots_are_kept_and_a_damaged_one_is_passed_over(
    unit: Unit, place: Sqlite | Postgres
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
    unit: Unit, place: Sqlite | Postgres
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

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(follow())
        for unit in units:
            group.create_task(speak(unit))

    assert cursors == {"x/0": 60, "x/1": 60}
    assert len({each.output.id for each in seen}) == 120


async def test_recent_outputs_are_the_newest_by_event_time_oldest_first(unit: Unit) -> None:
    await unit.say(signal("late", 300), signal("early", 100))
    await unit.say(signal("middle", 200))

    assert [each.output.name for each in await unit.store.recent_outputs(2)] == ["middle", "late"]


# Routes


async def test_a_route_goes_on_where_it_was_after_a_new_claim(store: Store) -> None:
    first = await store.claim_route("console")
    assert (first.epoch, first.cursors, first.receipt) == (1, {}, "")
    await store.advance_route("console", 1, {"a/0": 3, "b/0": 1}, "r1")
    await store.advance_route("console", 1, {"b/0": 2}, "r2")

    second = await store.claim_route("console")

    assert (second.epoch, second.cursors, second.receipt) == (2, {"a/0": 3, "b/0": 2}, "r2")
    assert (await store.claim_route("other")).cursors == {}


async def test_cursors_of_a_route_never_go_back(store: Store) -> None:
    await store.claim_route("console")
    await store.advance_route("console", 1, {"a/0": 3}, "r1")
    await store.advance_route("console", 1, {"a/0": 2}, "r1")

    assert (await store.claim_route("console")).cursors == {"a/0": 3}


async def test_a_relay_that_lost_its_route_moves_nothing(store: Store) -> None:
    await store.claim_route("console")
    await store.claim_route("console")

    with pytest.raises(Fenced, match="route console: epoch 1"):
        await store.advance_route("console", 1, {"a/0": 3}, "r1")
    with pytest.raises(Fenced):
        await store.advance_route("nobody's", 1, {"a/0": 3}, "r1")

    route = await store.claim_route("console")
    assert (route.cursors, route.receipt) == ({}, "")


# Producers


async def test_an_ingest_finds_its_marks_and_its_memory_again(store: Store) -> None:
    first = await store.claim_producer("ingest")
    assert (first.epoch, first.marks, first.state) == (1, {}, b"")
    await store.save_producer(
        Producer(producer="ingest", epoch=1, marks={"spy.csv": 10, "qqq": 2}, state=b"\x00m")
    )
    await store.save_producer(
        Producer(producer="ingest", epoch=1, marks={"spy.csv": 2**60}, state=b"\x00n")
    )

    second = await store.claim_producer("ingest")

    assert (second.epoch, second.state) == (2, b"\x00n")
    assert second.marks == {"spy.csv": 2**60, "qqq": 2}


async def test_an_ingest_that_was_replaced_saves_nothing(store: Store) -> None:
    await store.claim_producer("ingest")
    await store.claim_producer("ingest")

    with pytest.raises(Fenced, match="producer ingest: epoch 1"):
        await store.save_producer(
            Producer(producer="ingest", epoch=1, marks={"spy": 1}, state=b"x")
        )

    assert (await store.claim_producer("ingest")).marks == {}


# Instruments


async def test_instruments_get_codes_in_the_order_they_are_first_seen(store: Store) -> None:
    assert await store.instruments() == []
    assert await store.register(["SPY", "QQQ", "SPY"]) == {"SPY": 0, "QQQ": 1}
    assert await store.register(["VIX", "QQQ"]) == {"VIX": 2, "QQQ": 1}
    assert await store.register([]) == {}

    assert await store.instruments() == ["SPY", "QQQ", "VIX"]


async def test_registrations_at_the_same_time_give_one_code_each_without_gaps(
    store: Store,
) -> None:
    lists = [[f"S{(start + step) % 20}" for step in range(10)] for start in range(0, 20, 3)]

    answers = await asyncio.gather(*(store.register(symbols) for symbols in lists))

    instruments = list(await store.instruments())
    assert sorted(instruments) == sorted(f"S{number}" for number in range(20))
    for symbols, codes in zip(lists, answers, strict=True):
        assert codes == {symbol: instruments.index(symbol) for symbol in symbols}


# Dead letters, desired state


async def test_a_dead_letter_is_buried_once(store: Store) -> None:
    letters = [
        DeadLetter(source="spy.csv", seq=seq, reason="nan_price", detail=f"row {seq}")
        for seq in (3, 1, 2)
    ]
    await store.bury(letters)
    await store.bury(letters)
    await store.bury([])

    assert await store.dead_letters(10) == letters
    assert await store.dead_letters(2) == letters[1:]


async def test_what_should_run_is_the_last_thing_said(store: Store) -> None:
    assert await store.desired() is None
    await store.set_desired(b"\x00one")
    await store.set_desired(b"\x00two")

    assert await store.desired() == b"\x00two"


# Changes of the rules


async def test_changes_are_numbered_and_all_are_kept(store: Store) -> None:
    assert await store.changes(5) == []
    assert await store.change(1) is None
    bodies = [f"\x00{number}".encode() for number in range(1, 31)]
    added = [await store.add_change(body) for body in bodies]

    assert [(each.number, each.body) for each in added] == list(enumerate(bodies, start=1))
    assert await store.changes(5) == added[-5:]
    assert await store.change(1) == added[0]
    assert await store.change(31) is None
    assert added[0].created > 1_700_000_000_000_000_000


async def test_the_newest_change_said_again_is_the_same_change(store: Store) -> None:
    first = await store.add_change(b"a")
    assert await store.add_change(b"a") == first
    second = await store.add_change(b"b")

    assert (await store.add_change(b"a")).number == 3  # back to what was before
    assert await store.changes(2) == [second, await store.change(3)]


async def test_changes_added_at_once_get_numbers_of_their_own(place: Sqlite | Postgres) -> None:
    store = await place.open()
    added = await asyncio.gather(*(store.add_change(bytes([each])) for each in range(8)))
    await store.close()

    store = await place.open()
    assert sorted(each.number for each in added) == list(range(1, 9))
    assert await store.changes(8) == sorted(added, key=lambda each: each.number)
    await store.close()


# Opening and closing


async def test_everything_is_there_after_reopening(place: Sqlite | Postgres) -> None:
    store = await place.open()
    unit = Unit(store)
    await unit.claim()
    commit = await unit.say(signal("a"), snapshot=b"state")
    await store.register(["SPY"])
    await store.claim_route("console")
    await store.advance_route("console", 1, {unit.name: 1}, "r")
    await store.bury([DeadLetter(source="s", seq=1, reason="r", detail="d")])
    await store.set_desired(b"body")
    outputs = await store.outputs({}, 10)
    await store.close()

    store = await place.open()

    assert await store.outputs({}, 10) == outputs
    assert await store.instruments() == ["SPY"]
    assert (await store.claim_route("console")).cursors == {unit.name: 1}
    assert len(await store.dead_letters(10)) == 1
    assert await store.desired() == b"body"
    claim = await store.claim(unit.name, 0, "me", ORIGIN)
    assert (claim.mark.epoch, claim.mark.wm, claim.snapshot) == (2, at(1), commit.snapshot)
    await store.close()


async def test_data_of_a_newer_whispr_is_refused_naming_both_versions(
    place: Sqlite | Postgres,
) -> None:
    await (await place.open()).close()
    await place.pretend_version(999)

    with pytest.raises(SettingsError, match=r"is of version 999, this Whispr knows .* up to 2"):
        await place.open()


async def test_a_closed_store_says_so_and_may_be_closed_again(store: Store) -> None:
    await store.close()
    await store.close()

    with pytest.raises(Fatal, match="closed"):
        await store.marks()
