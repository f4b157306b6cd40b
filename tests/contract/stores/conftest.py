"""A store of each kind, and a unit of it."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from tests.contract.stores.parts import Place, Postgres, Sqlite, Unit
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.ports.store import Store

_numbers = count(1)


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> Server | None:
    """The server the store is on, None for a store that needs none."""
    found = None if request.param == "sqlite" else request.getfixturevalue("postgres_server")
    assert found is None or isinstance(found, Server)
    return found


@pytest.fixture
async def place(server: Server | None, tmp_path: Path) -> AsyncIterator[Place]:
    """Where a store may be, with nothing in it yet."""
    if server is None:
        yield Sqlite(tmp_path / "store.db")
        return
    database = Postgres(server, f"store_{next(_numbers)}")
    await database.execute(f"CREATE DATABASE {database.name}", url=server.url)
    yield database
    await database.execute(f"DROP DATABASE {database.name} WITH (FORCE)", url=server.url)


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    """A new store."""
    opened = await place.open()
    yield opened
    await opened.close()


@pytest.fixture
async def unit(store: Store) -> Unit:
    """A unit of the store, claimed."""
    claimed = Unit(store)
    await claimed.claim()
    return claimed
