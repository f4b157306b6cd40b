"""What each store does when its technology fails, is unsafe, or is used by others as well."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from tests.chaos.proxy import FaultProxy
from tests.contract.stores.parts import signal
from tests.integration.daemons import PATIENCE
from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.embedded import EmbeddedPostgres, Server
from whispr_daemon.adapters.stores import postgres_pool, sqlite_file
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.adapters.stores.sqlite_file import SqliteFile
from whispr_daemon.adapters.stores.statements import read_queries
from whispr_daemon.bootstrap.units import release_at_rest, stored_units
from whispr_daemon.domain.errors import (
    Fatal,
    Fenced,
    Poison,
    SettingsError,
    StaleCommit,
    Transient,
    UnsafeServer,
)
from whispr_daemon.domain.outputs import written
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import Commit, DeadLetter, Snapshot
from whispr_daemon.settings import load

HERE = Position(1, 1)


def commit(unit_id: str = "u/0") -> Commit:
    return Commit(unit_id=unit_id, epoch=1, old=ORIGIN, new=HERE, out_seq=0, out_hash="")


def saying(*names: str, with_snapshot: bool = False) -> Commit:
    """The unit's first commit."""
    outputs = tuple(written(signal(name)) for name in names)
    snapshot = Snapshot(
        position=HERE,
        out_seq=len(outputs),
        out_hash="",
        code_version="1",
        codec="msgpack",
        body=b"state",
    )
    return msgspec.structs.replace(
        commit(),
        out_seq=len(outputs),
        outputs=outputs,
        snapshot=snapshot if with_snapshot else None,
    )


# SQLite


async def test_another_process_may_look_at_the_store_of_a_running_daemon(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    daemon = await SqliteStore.open(path)
    await daemon.claim("u/0", 0, "me", ORIGIN)
    reader = await SqliteStore.open(path, readonly=True)

    assert (await reader.marks())["u/0"].wm == ORIGIN
    await daemon.commit(commit())
    assert (await reader.marks())["u/0"].wm == HERE
    with pytest.raises(Fatal, match="readonly"):
        await reader.set_desired(b"")

    await reader.close()
    await daemon.set_desired(b"goes on")
    await daemon.close()


async def test_the_store_of_a_stopped_daemon_can_be_looked_at(tmp_path: Path) -> None:
    daemon = await SqliteStore.open(tmp_path / "store.db")
    await daemon.set_desired(b"body")
    await daemon.close()

    reader = await SqliteStore.open(tmp_path / "store.db", readonly=True)

    assert await reader.desired() == b"body"
    await reader.close()


async def test_a_look_at_a_store_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"cannot open the store {tmp_path}/store.db"):
        await SqliteStore.open(tmp_path / "store.db", readonly=True)

    assert os.listdir(tmp_path) == []


async def test_a_store_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="in a folder that exists and this user may write to"):
        await SqliteStore.open(tmp_path / "none" / "store.db")


async def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("not a database" * 100)

    with pytest.raises(SettingsError, match="NOTADB"):
        await SqliteStore.open(tmp_path / "store.db")


async def test_a_lock_held_by_somebody_else_is_transient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_PATIENCE_SECONDS", 0.01)
    store = await SqliteStore.open(tmp_path / "store.db")
    somebody = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    somebody.execute("BEGIN IMMEDIATE")

    with pytest.raises(Transient, match="SQLITE_BUSY"):
        await store.set_desired(b"body")

    somebody.execute("ROLLBACK")
    somebody.close()
    await store.set_desired(b"body")
    await store.close()


async def test_a_full_disk_loses_nothing_committed_and_the_store_goes_on_after(
    tmp_path: Path,
) -> None:
    file = await SqliteFile.open(tmp_path / "store.db")
    store = SqliteStore(file)
    await store.set_desired(b"before")

    async def allow(pages: str) -> None:
        def limit() -> None:
            file.connection.execute(f"PRAGMA max_page_count = {pages}")

        await file.read(limit)

    await allow("1")  # SQLite takes the pages it has as the least
    with pytest.raises(Transient, match="SQLITE_FULL"):
        await store.set_desired(bytes(1_000_000))
    assert await store.desired() == b"before"
    await allow("1000000")
    await store.set_desired(b"after")

    assert await store.desired() == b"after"
    await store.close()


async def test_a_caller_that_is_cancelled_leaves_a_whole_transaction(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "store.db")
    task = asyncio.create_task(store.set_desired(b"body"))
    await asyncio.sleep(0)  # noqa: TID251 (a turn of the loop, no time)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await store.desired() in (b"body", None)
    await store.set_desired(b"later")
    assert await store.desired() == b"later"
    await store.close()


QUESTIONS: dict[str, dict[str, Any]] = {
    "outputs": {"after": json.dumps({"u/0": 5_000}), "limit": 100},
    "recent_outputs": {"limit": 100},
    "taken_ids": {"ids": json.dumps([f"{each:032x}" for each in range(50)])},
}


@pytest.mark.parametrize(
    ("question", "way"),
    [
        ("outputs", "SEARCH output USING PRIMARY KEY (unit_id=? AND out_seq>? AND out_seq<?)"),
        ("recent_outputs", "SCAN output USING INDEX output_by_time"),  # from its end
        ("taken_ids", "SEARCH output USING COVERING INDEX sqlite_autoindex_output_1 (id=?)"),
    ],
)
async def test_a_question_about_outputs_goes_by_an_index(
    tmp_path: Path, question: str, way: str
) -> None:
    file = await SqliteFile.open(tmp_path / "store.db")
    query = f"EXPLAIN QUERY PLAN {read_queries('sqlite')[question]}"

    def plan() -> list[str]:
        return [row["detail"] for row in file.connection.execute(query, QUESTIONS[question])]

    steps = await file.read(plan)

    assert [step for step in steps if " output " in f"{step} "] == [way]
    await file.close()


async def test_a_poll_takes_in_proportion_as_long_for_many_units(tmp_path: Path) -> None:
    file = await SqliteFile.open(tmp_path / "store.db")
    query = read_queries("sqlite")["outputs"]
    add = "INSERT INTO unit VALUES (?, 0, 1, 'me', 0, 0, 9, '')"

    def steps(units: int) -> int:
        """Return how many thousand steps of SQLite's machine it takes, all being delivered."""
        names = [f"u/{each:05}" for each in range(units)]
        after = {"after": json.dumps(dict.fromkeys(names, 9)), "limit": 10}
        file.connection.execute("DELETE FROM unit")
        file.connection.executemany(add, [(name,) for name in names])
        taken = []
        file.connection.set_progress_handler(lambda: taken.append(1), 1_000)
        found = file.connection.execute(query, after).fetchall()
        file.connection.set_progress_handler(None, 0)
        assert not found
        return len(taken)

    few, many = await file.read(lambda: (steps(200), steps(2_000)))

    assert 0 < many <= 12 * few
    await file.close()


# Postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Postgres for this file."""
    folder = Path(tempfile.mkdtemp(prefix="whispr-test-"))
    postgres = EmbeddedPostgres(SystemClock())
    yield asyncio.run(postgres.start(folder))
    asyncio.run(postgres.stop())
    shutil.rmtree(folder)


@pytest.fixture
async def admin(server: Server) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that does what no store would do; takes all tables away at the end."""
    connection = await asyncpg.connect(server.url, password=server.password)
    yield connection
    await connection.execute("DROP SCHEMA public CASCADE")
    await connection.execute("CREATE SCHEMA public")
    await connection.close()


@pytest.fixture
async def store(
    server: Server, admin: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[PostgresStore]:
    """A new store in Postgres."""
    assert not admin.is_closed()
    opened = await PostgresStore.open(server.url, server.password)
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("pattern", "instead", "says"),
    [
        (r":\d+/", ":1/", "Connect call failed"),
        (r"/whispr$", "/none", 'database "none" does not exist'),
        (r"//whispr@", "//nobody@", "password authentication failed"),
        (r"^postgresql", "ftp", "invalid DSN"),
    ],
)
async def test_a_server_that_cannot_be_used_is_named_without_its_password(
    server: Server, pattern: str, instead: str, says: str
) -> None:
    url = re.sub(pattern, instead, server.url).replace("@", ":hunter2@")

    with pytest.raises(
        SettingsError, match=r"postgres\.url: cannot use the Postgres at 127\.0\.0\.1:\d+/"
    ) as said:
        await PostgresStore.open(url, server.password)

    assert says in str(said.value)
    assert "hunter2" not in str(said.value)
    assert server.password not in str(said.value)


async def test_a_server_that_may_lose_commits_is_refused_naming_the_setting(
    server: Server, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await admin.execute("ALTER ROLE whispr SET synchronous_commit = off")
    try:
        with pytest.raises(UnsafeServer, match="synchronous_commit is off; each needs to be on"):
            await PostgresStore.open(server.url, server.password)
    finally:
        await admin.execute("ALTER ROLE whispr RESET synchronous_commit")


async def test_stores_opened_at_the_same_time_make_the_tables_once(
    server: Server, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    stores = await asyncio.gather(
        *(PostgresStore.open(server.url, server.password) for _ in range(4))
    )

    assert await admin.fetchval("SELECT count(*) FROM schema_version") == 2
    for store in stores:
        await store.close()


async def waits_for_a_lock(
    admin: "asyncpg.Connection[asyncpg.Record]", task: "asyncio.Task[Any]"
) -> None:
    """Return once a session waits for a lock: that of the task."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with asyncio.timeout(PATIENCE):
        while await admin.fetchval(waiting) == 0:
            assert not task.done()


async def test_a_connection_that_breaks_is_transient_and_the_store_goes_on_after(
    store: PostgresStore, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await store.set_desired(b"before")
    lock = admin.transaction()
    await lock.start()
    await admin.execute("LOCK TABLE desired")
    writing = asyncio.create_task(store.set_desired(b"lost"))
    await waits_for_a_lock(admin, writing)

    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'whispr'"
    )

    with pytest.raises(Transient, match=r"Postgres at 127\.0\.0\.1"):
        await writing
    await lock.rollback()
    assert await store.desired() == b"before"


async def test_the_mark_waits_for_a_commit_that_is_still_under_way(
    store: PostgresStore, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await store.claim("u/0", 0, "me", ORIGIN)
    under_way = admin.transaction()
    await under_way.start()
    await admin.execute("UPDATE unit SET wm = $1", HERE.pack())
    asked = asyncio.create_task(store.mark("u/0"))
    await waits_for_a_lock(admin, asked)

    await under_way.commit()

    assert (await asked).wm == HERE


@pytest.mark.parametrize("with_snapshot", [False, True])
async def test_a_commit_that_meets_a_claim_under_way_commits_nothing(
    store: PostgresStore, admin: "asyncpg.Connection[asyncpg.Record]", with_snapshot: bool
) -> None:
    await store.claim("u/0", 0, "me", ORIGIN)
    claim = admin.transaction()
    await claim.start()
    await admin.execute("UPDATE unit SET epoch = epoch + 1")
    writing = asyncio.create_task(store.commit(saying("a", with_snapshot=with_snapshot)))
    await waits_for_a_lock(admin, writing)

    await claim.commit()

    with pytest.raises(StaleCommit, match="no unit of epoch 1 at 0-0"):
        await writing
    assert (await store.mark("u/0")).wm == ORIGIN
    assert await store.outputs({}, 10) == []
    assert await store.snapshots_of("u/0") == []


@pytest.mark.parametrize("with_snapshot", [False, True])
async def test_a_commit_that_meets_itself_under_way_happens_once(
    store: PostgresStore, admin: "asyncpg.Connection[asyncpg.Record]", with_snapshot: bool
) -> None:
    await store.claim("u/0", 0, "me", ORIGIN)
    said = saying("a", with_snapshot=with_snapshot)
    lock = admin.transaction()
    await lock.start()
    await admin.execute("SELECT * FROM unit FOR UPDATE")
    twice = [asyncio.create_task(store.commit(said)) for _ in range(2)]
    await waits_for_a_lock(admin, twice[1])

    await lock.commit()

    found = await asyncio.gather(*twice, return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["NoneType", "StaleCommit"]
    assert [written(each.output) for each in await store.outputs({}, 10)] == list(said.outputs)


@pytest.mark.parametrize("with_snapshot", [False, True])
async def test_a_commit_that_is_ended_while_it_waits_never_happens(
    store: PostgresStore, admin: "asyncpg.Connection[asyncpg.Record]", with_snapshot: bool
) -> None:
    await store.claim("u/0", 0, "me", ORIGIN)
    lock = admin.transaction()
    await lock.start()
    await admin.execute("SELECT * FROM unit FOR UPDATE")
    writing = asyncio.create_task(store.commit(saying("a", with_snapshot=with_snapshot)))
    await waits_for_a_lock(admin, writing)

    writing.cancel()
    await asyncio.wait({writing})
    await lock.commit()

    assert writing.cancelled()
    assert (await store.mark("u/0")).wm == ORIGIN
    assert await store.outputs({}, 10) == []
    await store.commit(saying("a", with_snapshot=with_snapshot))


async def test_a_commit_may_say_very_much(store: PostgresStore) -> None:
    await store.claim("u/0", 0, "me", ORIGIN)
    said = saying(*(f"a{each}" for each in range(20_000)))

    await store.commit(said)

    last = await store.outputs({"u/0": 19_999}, 10)
    assert [written(each.output) for each in last] == [said.outputs[-1]]


MANY_OUTPUTS = """
WITH units AS (
    INSERT INTO unit SELECT 'u/' || n, n, 1, 'me', 0, 0, 3000, '' FROM generate_series(0, 3) n
    RETURNING unit_id
)
INSERT INTO output
SELECT unit_id, n, lpad(to_hex(n), 31, '0') || right(unit_id, 1), 'signal', n, 'SPY', 'r', 'a', '{}'
FROM units, generate_series(1, 3000) n
"""


def looked_at(plan: dict[str, Any]) -> int:
    """Return how many rows of ``output`` a plan that was run has read."""
    mine = 0
    if plan.get("Relation Name") == "output":
        removed = plan.get("Rows Removed by Filter", 0)
        mine = round((plan["Actual Rows"] + removed) * plan["Actual Loops"])
    return mine + sum(map(looked_at, plan.get("Plans", ())))


@pytest.mark.parametrize(
    ("question", "values", "most"),
    [
        ("outputs", [["u/0", "u/1"], [1_500, 2_999], 100], 100),
        ("recent_outputs", [100], 100),
        ("taken_ids", [[f"{each:031x}0" for each in range(50)]], 50),
    ],
)
async def test_a_question_about_outputs_reads_what_it_answers(
    store: PostgresStore,
    admin: "asyncpg.Connection[asyncpg.Record]",
    question: str,
    values: list[Any],
    most: int,
) -> None:
    assert await store.outputs({}, 10) == []
    await admin.execute(MANY_OUTPUTS)
    await admin.execute("ANALYZE")
    asked = f"EXPLAIN (ANALYZE, FORMAT JSON) {read_queries('postgres')[question]}"

    (plan,) = json.loads(await admin.fetchval(asked, *values))

    assert 0 < looked_at(plan["Plan"]) <= most


async def test_cursors_that_move_while_the_route_is_waited_for_do_not_go_back(
    store: PostgresStore, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    route = await store.claim_route("r")
    first = admin.transaction()
    await first.start()
    await admin.execute("UPDATE relay SET receipt = 'first'")
    await admin.execute("INSERT INTO relay_cursor VALUES ('r', 'u/0', 7)")
    moving = asyncio.create_task(store.advance_route("r", route.epoch, {"u/0": 5, "u/1": 1}, "2"))
    await waits_for_a_lock(admin, moving)

    await first.commit()
    await moving

    assert (await store.claim_route("r")).cursors == {"u/0": 7, "u/1": 1}


async def test_a_relay_whose_route_is_claimed_while_it_waits_moves_nothing(
    store: PostgresStore, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    route = await store.claim_route("r")
    claim = admin.transaction()
    await claim.start()
    await admin.execute("UPDATE relay SET epoch = epoch + 1")
    moving = asyncio.create_task(store.advance_route("r", route.epoch, {"u/0": 5}, "late"))
    await waits_for_a_lock(admin, moving)

    await claim.commit()

    with pytest.raises(Fenced, match="route r: epoch 1 does not hold it"):
        await moving
    found = await store.claim_route("r")
    assert (found.cursors, found.receipt) == ({}, "")


async def test_sessions_are_limited_so_that_a_stopped_process_does_not_keep_its_locks(
    store: PostgresStore, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await store.claim("u/0", 0, "me", ORIGIN)
    limits = "SELECT setting::int FROM pg_settings WHERE name = $1"
    for name in ("idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout"):
        assert await admin.fetchval(limits, name) == 0
        async with store._pool.connection() as connection:
            assert 0 < await connection.fetchval(limits, name) <= 15_000


async def test_one_silent_connection_is_waited_for_and_the_others_are_made_anew(
    server: Server,
    admin: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not admin.is_closed()
    monkeypatch.setattr(postgres_pool, "_COMMAND_SECONDS", 1.0)
    parts = urlsplit(server.url)
    proxy = FaultProxy(parts.hostname or "", parts.port or 0)
    url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{await proxy.start()}").geturl()
    store = await PostgresStore.open(url, server.password)

    async def all_connections() -> None:
        await asyncio.gather(*(store.claim(f"u/{each}", each, "me", ORIGIN) for each in range(4)))

    await all_connections()
    proxy.begin("half-open")
    with pytest.raises(Transient):
        await store.claim("u/0", 0, "me", ORIGIN)
    proxy.end()
    await all_connections()

    assert (await store.marks())["u/0"].epoch == 2
    await store.close()
    await proxy.close()


async def test_a_text_postgres_cannot_hold_is_poison(store: PostgresStore) -> None:
    with pytest.raises(Poison, match="0x00"):
        await store.bury([DeadLetter(source="s", seq=1, reason="r", detail="\x00")])
    with pytest.raises(Poison, match="int64"):
        await store.bury([DeadLetter(source="s", seq=2**63, reason="r", detail="d")])


async def test_a_quarantine_in_a_postgres_of_the_users_is_ended_while_no_daemon_runs(
    server: Server, store: PostgresStore, tmp_path: Path
) -> None:
    await store.claim("u/0", 0, "me", ORIGIN)
    await store.quarantine("u/0", 1, HERE, "it failed")
    (tmp_path / "tier").write_text("1\n")  # of the daemon that ran here last
    postgres = {"url": server.url, "password": server.password}
    settings = load(None, {"data": tmp_path, "postgres": postgres})

    assert (await stored_units(settings))["u/0"].held == (await store.quarantined())[0]
    assert await release_at_rest(settings, "u/0")
    assert await store.quarantined() == []
    assert not await release_at_rest(settings, "u/0")
