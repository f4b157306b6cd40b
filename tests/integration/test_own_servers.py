"""A server of our own that dies is started again where it was, as soon as that is possible."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedValkey
from whispr_daemon.bootstrap.servers import OwnServer
from whispr_daemon.domain.errors import Fatal

PATIENCE = 120.0  # seconds


@pytest.fixture
def valkey() -> EmbeddedValkey:
    return EmbeddedValkey(SYSTEM_CLOCK)


@pytest.fixture
async def server(valkey: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[OwnServer]:
    own = OwnServer("Valkey", valkey, tmp_path)
    yield own
    await own.stop()


def kill(valkey: EmbeddedValkey) -> None:
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGKILL)


async def test_it_comes_back_where_it_was_with_what_it_held(
    server: OwnServer, valkey: EmbeddedValkey
) -> None:
    found = await server.start()
    first = valkey.pid
    keeping = asyncio.create_task(server.keep())
    async with Redis.from_url(found.url, password=found.password) as client:
        await client.set("held", "yes")
        kill(valkey)
        async with asyncio.timeout(PATIENCE):
            while valkey.pid in (first, None):
                await SYSTEM_CLOCK.sleep(0.02)
            held = None
            while held is None:
                with contextlib.suppress(RedisError):  # while it starts
                    held = await client.get("held")
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert held == b"yes"


async def test_what_keeps_it_from_starting_is_waited_out(
    server: OwnServer, valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    found = await server.start()
    in_the_way = tmp_path / "valkey" / "valkey.conf.new"
    in_the_way.mkdir()
    with structlog.testing.capture_logs() as said:
        keeping = asyncio.create_task(server.keep())
        kill(valkey)
        async with asyncio.timeout(PATIENCE):
            while not any(each["event"].startswith("server does not start") for each in said):
                await SYSTEM_CLOCK.sleep(0.02)
            in_the_way.rmdir()
            while not any(each["event"] == "server is back" for each in said):
                await SYSTEM_CLOCK.sleep(0.02)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    async with Redis.from_url(found.url, password=found.password) as client:
        assert await client.ping()


async def test_without_its_port_nobody_would_find_it_so_it_says_so(
    server: OwnServer, valkey: EmbeddedValkey
) -> None:
    found = await server.start()
    kill(valkey)
    await valkey.died()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", urlsplit(found.url).port))
        other.listen()
        with pytest.raises(Fatal, match=f"Valkey died and its port was taken.*{found.url}"):
            async with asyncio.timeout(PATIENCE):
                await server.keep()
