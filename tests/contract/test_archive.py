"""An archive comes back from servers of the user's as it was, and only to empty ones it goes."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis import Redis
from typer.testing import CliRunner, Result

from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.outlets.redis import RedisOutlet
from whispr_daemon.adapters.sqlite_copy import settle
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.adapters.stores.tables import TABLES
from whispr_daemon.bootstrap.archive import LOG, STORE, appearing, finish
from whispr_daemon.bootstrap.desired import Desired
from whispr_daemon.cli import app
from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.rules.settings import RuleSettings

PARTITIONS = 2
STARTS = 1_000_000  # as often has no relay ever been started
_numbers = count(1)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of a daemon that was fenced once, whose log was trimmed at its beginning."""
    target = tmp_path / "archive"
    with appearing(target) as made:
        asyncio.run(_fill(made))
        settle(made / STORE)
        settle(made / LOG)
        finish(made, Path("/data"), 0, 99, lambda *_: None)
    return target


async def _fill(made: Path) -> None:
    store = await SqliteStore.open(made / STORE)
    await store.set_desired(Desired(hosts=(), rules=RuleSettings(partitions=PARTITIONS)).encode())
    await store.register(["SPY"])
    await store.claim("a/0", 0, "me", Position(1, 1))
    await store.claim_route("redis")
    await store.advance_route("redis", 1, {"a/0": 3}, "1-7")
    await store.close()
    log = await SqliteEventLog.open(made / LOG, PARTITIONS)
    entries = (((1, 7), 3, 97), ((1, 8), 1, 98), ((2, 0), 0, 0), ((2, 1), 2, 100))
    for position, rows, offset in entries:
        body = empty_rows(rows)
        body["ts"] = rows
        entry = Entry(
            position=Position(*position),
            source="s",
            marks={"s": 5, "rules": 1} if rows else {},
            offset=offset,
            ts_ingest=9,
            rows=body,
        )
        await log.append([(0, entry)])
    await log.close()


@pytest.fixture
def settings(postgres_server: Server, valkey_server: Server) -> Iterator[dict[str, Any]]:
    """Settings of tier 1 with a database and a prefix of its own."""
    name = f"archive_{next(_numbers)}"
    asyncio.run(_execute(postgres_server, f"CREATE DATABASE {name}"))
    yield {
        "tier": 1,
        "partitions": PARTITIONS,
        "postgres": {
            "url": f"{postgres_server.url.rpartition('/')[0]}/{name}",
            "password": postgres_server.password,
        },
        "redis": {
            "url": valkey_server.url,
            "password": valkey_server.password,
            "prefix": name,
        },
    }
    asyncio.run(_execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(server: Server, sql: str) -> None:
    connection = await asyncpg.connect(server.url, password=server.password)
    await connection.execute(sql)
    await connection.close()


def whispr(tmp_path: Path, settings: dict[str, Any], *arguments: str | Path) -> Result:
    """Run a command with settings."""
    config = tmp_path / "whispr.yaml"
    config.write_text(json.dumps(settings))
    return CliRunner().invoke(app, [*map(str, arguments), "--config", str(config)])


def dumped(archive: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that is in an archive."""
    found = {}
    for file, tables in (
        (STORE, [(table.name, ", ".join(table.columns)) for table in TABLES]),
        (LOG, [("entry", "partition, position, count, header, rows"), ("about", "*")]),
    ):
        connection = sqlite3.connect(archive / file)
        for table, columns in tables:
            found[table] = connection.execute(f"SELECT {columns} FROM {table}").fetchall()
        connection.close()
    return found


def test_from_servers_it_comes_back_as_it_was(
    archive: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    data = {**settings, "data": str(tmp_path / "data")}
    restored = whispr(tmp_path, data, "restore", archive)
    assert restored.exit_code == 0, restored.stderr
    assert "a daemon of tier 1 started on it goes on from there (that was of tier 0)" in (
        restored.stderr
    )
    backup = whispr(tmp_path, data, "backup", tmp_path / "again")
    assert backup.exit_code == 0, backup.stderr

    before, after = dumped(archive), dumped(tmp_path / "again")
    assert [row[1] for row in before["entry"]] == [
        Position(*each).pack() for each in ((1, 7), (1, 8), (2, 0), (2, 1))
    ]
    assert before.pop("relay") == [("redis", 1, "1-7")]
    ((route, epoch, receipt),) = after.pop("relay")
    assert (route, epoch > STARTS, receipt) == ("redis", True, "1-7")
    assert after == before


def test_servers_that_are_not_empty_are_left_as_they_are(
    archive: Path, settings: dict[str, Any], tmp_path: Path, valkey_server: Server
) -> None:
    first = {**settings, "data": str(tmp_path / "first")}
    assert whispr(tmp_path, first, "restore", archive).exit_code == 0

    second = {**settings, "data": str(tmp_path / "second")}
    refused = whispr(tmp_path, second, "restore", archive)
    assert refused.exit_code == 2
    assert "there is a market log already, its partition 0 ends at 2-1" in refused.stderr

    other = {**second, "redis": {**settings["redis"], "prefix": "another"}}
    refused = whispr(tmp_path, other, "restore", archive)
    assert refused.exit_code == 2
    assert "holds a store already (there are rows in table unit)" in refused.stderr
    with Redis.from_url(valkey_server.url, password=valkey_server.password) as server:
        assert server.keys("another:market:[0-9]*") == []

    refused = whispr(tmp_path, first, "restore", archive)
    assert (refused.exit_code, "is there already" in refused.stderr) == (2, True)
    assert not (tmp_path / "second").exists()


def test_a_stream_of_signals_that_still_stands_gets_no_id_twice(
    archive: Path, settings: dict[str, Any], tmp_path: Path, valkey_server: Server
) -> None:
    prefix = settings["redis"]["prefix"]
    with Redis.from_url(valkey_server.url, password=valkey_server.password) as server:
        server.xadd(f"{prefix}:SIGNALS", {"id": "before"}, "1-7")
        server.xadd(f"{prefix}:SIGNALS", {"id": "since"}, "9-3")  # the lost daemon started often
    restored = whispr(tmp_path, {**settings, "data": str(tmp_path / "data")}, "restore", archive)
    assert restored.exit_code == 0, restored.stderr

    async def relay() -> set[str]:
        postgres, redis = settings["postgres"], settings["redis"]
        store = await PostgresStore.open(postgres["url"], postgres["password"])
        route = await store.claim_route("redis")
        await store.close()
        outlet = await RedisOutlet.connect(redis["url"], redis["password"], prefix)
        delivered = await outlet.open(route.epoch, route.receipt)
        await outlet.close()
        return set(delivered)

    assert asyncio.run(relay()) == {"since"}
