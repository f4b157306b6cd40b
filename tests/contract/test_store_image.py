"""An image of a store is all of it at one moment, and fills an empty store of any technology."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.postgres_image import PostgresImages
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.adapters.stores.sqlite_image import SqliteImages
from whispr_daemon.adapters.stores.tables import TABLES
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.outputs import Sealer, Signal, chain, written
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import Commit, DeadLetter, Producer, Snapshot, Store
from whispr_daemon.ports.store_image import Page, StoreImage

_numbers = count(1)


class Opened(NamedTuple):
    """A store, and the same to be copied."""

    store: PostgresStore | SqliteStore
    images: PostgresImages | SqliteImages
    columns: Callable[[], Awaitable[set[tuple[str, str]]]]  # (table, column), as they are there


Open = Callable[[], Awaitable[Opened]]


async def sqlite(path: Path) -> Opened:
    """A new store in a file."""

    async def columns() -> set[tuple[str, str]]:
        with sqlite3.connect(path) as connection:
            found = connection.execute(
                "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c"
                " WHERE m.type = 'table'"
            ).fetchall()
        connection.close()
        return set(found)

    return Opened(await SqliteStore.open(path), await SqliteImages.open(path), columns)


async def postgres(server: Server, name: str) -> Opened:
    """A new store in a database of its own."""
    url = f"{server.url.rpartition('/')[0]}/{name}"

    async def columns() -> set[tuple[str, str]]:
        connection = await asyncpg.connect(url, password=server.password)
        found = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema()"
        )
        await connection.close()
        return {(row[0], row[1]) for row in found} - {
            ("schema_version", "version"),
            ("schema_version", "applied"),
        }

    return Opened(
        await PostgresStore.open(url, server.password),
        await PostgresImages.open(url, server.password),
        columns,
    )


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Where the store is that is copied."""
    return str(request.param)


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest) -> Server | None:
    """The server it is on, None for a store that needs none. Starting it runs a loop."""
    found = request.getfixturevalue("postgres_server") if kind == "postgres" else None
    assert found is None or isinstance(found, Server)
    return found


@pytest.fixture
async def make(server: Server | None, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens a new store of this kind at each call."""
    made: list[Opened] = []
    databases: list[str] = []

    async def execute(sql: str) -> None:
        assert server is not None
        connection = await asyncpg.connect(server.url, password=server.password)
        await connection.execute(sql)
        await connection.close()

    async def one() -> Opened:
        if server is None:
            made.append(await sqlite(tmp_path / f"store-{len(made)}.db"))
        else:
            databases.append(f"image_{next(_numbers)}")
            await execute(f"CREATE DATABASE {databases[-1]}")
            made.append(await postgres(server, databases[-1]))
        return made[-1]

    yield one
    for each in made:
        await each.images.close()
        await each.store.close()
    for name in databases:
        await execute(f"DROP DATABASE {name} WITH (FORCE)")


def said(number: int) -> Signal:
    """An output with text that databases like to spoil."""
    output = Sealer("rule", "1").seal(
        Signal(name=f"s{number}", instrument='Ä"€\\', data={"a": [1, 2.5, None, "\0"]}), number
    )
    assert isinstance(output, Signal)
    return output


async def live(store: Store) -> None:
    """Let something be in every table."""
    await store.register(["SPY", "Ä€"])
    await store.claim_producer("ingest")
    producer = Producer(producer="ingest", epoch=1, marks={"a": 7, "rules": 1}, state=b"\0\xff")
    await store.save_producer(producer)
    await store.bury([DeadLetter(source="a", seq=each, reason="r", detail="d") for each in (9, 3)])
    await store.add_change(b"\0rules")
    await store.set_desired(b"{}")
    for unit in ("b/1", "a/0"):
        await store.claim(unit, 1, "me", Position(1, 2))
    output = said(5)
    snapshot = Snapshot(
        position=Position(1, 9),
        out_seq=1,
        out_hash="h",
        code_version="1",
        codec="c",
        body=bytes(range(256)),
    )
    commit = Commit(
        unit_id="a/0",
        epoch=1,
        old=Position(1, 2),
        new=Position(1, 9),
        out_seq=1,
        out_hash=chain("", output),
        outputs=(written(output),),
        snapshot=snapshot,
    )
    await store.commit(commit)
    await store.quarantine("b/1", 1, Position(1, 3), "why")
    await store.claim_route("jsonl")
    await store.advance_route("jsonl", 1, {"a/0": 1}, "receipt")


async def all_of(image: StoreImage) -> list[Page]:
    return [page async for page in image.pages()]


async def test_every_table_and_column_is_copied(make: Open) -> None:
    found = await (await make()).columns()
    known = {(table.name, column) for table in TABLES for column in table.columns}
    # What a database counts for itself is counted again.
    assert found == known | {("dead_letter", "place")}


async def test_what_is_committed_after_the_moment_is_not_in_it(make: Open) -> None:
    opened = await make()
    await live(opened.store)
    async with opened.images.image() as image:
        await opened.store.register(["QQQ"])
        async with opened.images.image() as later:
            assert image.named == (2, 1, 1)
            assert later.named == (3, 1, 1)
            assert await image.rows() + 1 == await later.rows()
        pages = await all_of(image)
    assert sum(len(page.rows) for page in pages) == await _rows(opened) - 1
    assert [len(page.rows) for page in pages if page.table == "instrument"] == [2]


async def _rows(opened: Opened) -> int:
    async with opened.images.image() as image:
        return await image.rows()


async def test_each_new_name_is_seen(make: Open) -> None:
    opened = await make()
    seen = []
    for name in (
        opened.store.register(["SPY"]),
        opened.store.add_change(b"1"),
        opened.store.claim_producer("ingest"),
        opened.store.claim_producer("ingest"),
    ):
        await name
        async with opened.images.image() as image:
            seen.append(image.named)
    assert seen == [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 1, 2)]


async def test_filled_from_an_image_it_holds_the_same(make: Open, tmp_path: Path) -> None:
    """Through a file and back, as a backup and its restore do."""
    opened, again = await make(), await make()
    await live(opened.store)
    between = await SqliteImages.open(tmp_path / "between.db")
    async with opened.images.image() as image:
        await between.fill(image.pages())
        pages = await all_of(image)
    async with between.image() as image:
        await again.images.fill(image.pages())
        assert await all_of(image) == pages
    await between.close()
    assert {page.table for page in pages} == {table.name for table in TABLES}
    async with again.images.image() as image:
        assert await all_of(image) == pages
    # It goes on as the other would: codes, numbers and epochs are the next ones.
    for store in (opened.store, again.store):
        assert await store.register(["QQQ"]) == {"QQQ": 2}
        assert (await store.claim_producer("ingest")).epoch == 2
        assert (await store.add_change(b"more")).number == 2
        assert (await store.claim("a/0", 1, "me", ORIGIN)).mark.wm == Position(1, 9)
        await store.bury([DeadLetter(source="a", seq=1, reason="r", detail="d")])
        assert [each.seq for each in await store.dead_letters(9)] == [9, 3, 1]
        assert [each.output for each in await store.outputs({}, 9)] == [said(5)]


async def test_only_an_empty_store_is_filled(make: Open) -> None:
    opened, other = await make(), await make()
    await live(opened.store)
    await other.store.register(["SPY"])
    async with opened.images.image() as image:
        with pytest.raises(SettingsError, match="holds a store already"):
            await other.images.fill(image.pages())
    assert await _rows(other) == 1
