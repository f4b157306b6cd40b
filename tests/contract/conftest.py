"""One Postgres and one Valkey for all contract tests, started at their first use."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Postgres with an empty database."""
    # Run by root, Postgres cannot reach pytest's private folders: then its data goes to `outside`.
    outside = Path(tempfile.mkdtemp(prefix="whispr-test-"))
    postgres = EmbeddedPostgres(SystemClock(), outside=outside)
    yield asyncio.run(postgres.start(tmp_path_factory.mktemp("servers")))
    asyncio.run(postgres.stop())
    shutil.rmtree(outside)


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey with nothing in it."""
    valkey = EmbeddedValkey(SystemClock())
    yield asyncio.run(valkey.start(tmp_path_factory.mktemp("servers")))
    asyncio.run(valkey.stop())


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Server) -> str:
    """The Postgres as one URL, password included."""
    return postgres_server.url.replace("@", f":{postgres_server.password}@")


@pytest.fixture(scope="session")
def valkey_url(valkey_server: Server) -> str:
    """The Valkey as one URL, password included."""
    return valkey_server.url.replace("//", f"//:{valkey_server.password}@")
