"""The server starts in the running loop, refuses an occupied port, and ends quickly."""

import asyncio
import signal
import socket
from typing import Any

import httpx
import pytest

from whispr_daemon.adapters.api.server import HealthServer, until_free
from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.domain.errors import SettingsError

LOOPBACK = "127.0.0.1"


async def hello(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer at once, or for /slow never."""
    if scope["path"] == "/slow":
        await asyncio.Event().wait()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def test_it_answers_and_can_be_started_again_on_its_port() -> None:
    server = HealthServer(hello, LOOPBACK, 0)
    await server.start()
    async with httpx.AsyncClient() as client:
        assert (await client.get(server.url)).text == "hello"
    await server.stop()
    again = HealthServer(hello, LOOPBACK, int(server.url.rpartition(":")[2]))
    await again.start()
    await again.stop()


async def test_an_occupied_port_is_named_with_the_remedy() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError) as caught:
            await HealthServer(hello, LOOPBACK, port).start()
    assert str(caught.value) == (
        f"health.port {port} on 127.0.0.1 is in use; "
        "set health.port or WHISPR_HEALTH__PORT to a free one"
    )


async def test_a_port_that_is_let_go_in_time_is_taken() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        waiting = asyncio.create_task(until_free(LOOPBACK, port, 60.0, SystemClock()))
        await SystemClock().sleep(0)
        assert not waiting.done()
    await waiting


async def test_a_port_that_is_not_let_go_is_refused() -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as other,
        pytest.raises(SettingsError, match="is in use"),
    ):
        await until_free(LOOPBACK, other.getsockname()[1], 0.0, SystemClock())


async def test_a_host_of_another_machine_is_named() -> None:
    with pytest.raises(SettingsError, match=r"health\.host 192\.0\.2\.1 is not an address of this"):
        await HealthServer(hello, "192.0.2.1", 0).start()


async def test_signal_handlers_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    server = HealthServer(hello, LOOPBACK, 0)
    await server.start()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    await server.stop()


async def test_it_ends_soon_with_connections_open() -> None:
    server, clock = HealthServer(hello, LOOPBACK, 0), SystemClock()
    await server.start()
    port = int(server.url.rpartition(":")[2])
    reader, idle = await asyncio.open_connection(LOOPBACK, port)
    _, busy = await asyncio.open_connection(LOOPBACK, port)
    busy.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    idle.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"hello" in await reader.readuntil(b"hello")
    started = clock.monotonic()
    await server.stop()
    assert clock.monotonic() - started < 20  # a second, where nothing else runs
    for writer in (idle, busy):
        writer.close()


async def test_stopping_what_never_started_is_nothing() -> None:
    await HealthServer(hello, LOOPBACK, 0).stop()
