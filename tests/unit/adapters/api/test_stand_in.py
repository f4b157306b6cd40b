"""While the loop stands still somebody else answers in its place."""

import socket
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from typing_extensions import override

from whispr_daemon.adapters.api.server import HealthServer
from whispr_daemon.adapters.api.stand_in import StandIn
from whispr_daemon.adapters.clock import SYSTEM_CLOCK, ManualClock

WHY = "the event loop has stood still for 7 s: unit spin/0 at position 1-7"


async def never(_scope: object, _receive: object, _send: object) -> None:
    raise AssertionError("the loop stands still")


@pytest.fixture
async def server() -> AsyncIterator[HealthServer]:
    server = HealthServer(never, "127.0.0.1", 0)
    await server.start()
    yield server
    await server.stop()


def asked(stand_in: StandIn, url: str, **headers: str) -> httpx.Response:
    """Ask from another thread, while this one, which has the loop, lets the stand-in answer."""
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(httpx.get(url, headers=headers)))
    asking.start()
    while asking.is_alive():
        stand_in.answer(WHY, lambda: b"whispr_stalled_seconds 7\n")
    (answer,) = answers
    return answer


async def test_each_endpoint_says_that_the_loop_stands_still(server: HealthServer) -> None:
    stand_in = StandIn(server, SYSTEM_CLOCK)
    alive = asked(stand_in, f"{server.url}/livez")
    assert (alive.status_code, alive.text) == (503, f"{WHY}\n")
    ready = asked(stand_in, f"{server.url}/readyz?verbose=1")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "reasons": [WHY]})
    figures = asked(stand_in, f"{server.url}/metrics")
    assert (figures.status_code, figures.text) == (200, "whispr_stalled_seconds 7\n")
    status = asked(stand_in, f"{server.url}/status")
    assert (status.status_code, status.json()) == (503, {"error": WHY})


async def test_without_the_token_nobody_is_named(server: HealthServer) -> None:
    stand_in = StandIn(server, SYSTEM_CLOCK, "hush")
    alive = asked(stand_in, f"{server.url}/livez")
    assert (alive.status_code, alive.text) == (503, "the event loop stands still\n")
    assert asked(stand_in, f"{server.url}/readyz").status_code == 401
    assert asked(stand_in, f"{server.url}/readyz", Authorization="Bearer hus").status_code == 401
    ready = asked(stand_in, f"{server.url}/readyz", Authorization="Bearer hush")
    assert ready.json()["reasons"] == [WHY]


async def test_who_asks_nobody_or_a_server_that_is_closed_waits_for_nothing() -> None:
    server = HealthServer(never, "127.0.0.1", 0)
    stand_in = StandIn(server, SYSTEM_CLOCK)
    began = SYSTEM_CLOCK.monotonic()
    stand_in.answer(WHY, bytes)
    await server.start()
    stand_in.answer(WHY, bytes)
    await server.stop()
    stand_in.answer(WHY, bytes)
    assert SYSTEM_CLOCK.monotonic() - began < 20


def connected(server: HealthServer) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


async def test_who_is_slow_keeps_nobody_from_being_answered(server: HealthServer) -> None:
    request = b"GET /livez HTTP/1.1\r\n\r\n"
    answers: list[bytes] = []
    with connected(server) as slow, connected(server) as quick:
        slow.sendall(request[:5])
        quick.sendall(request)

        def hear() -> None:
            answers.append(quick.recv(8_192))
            slow.sendall(request[5:])
            answers.append(slow.recv(8_192))

        hearing = threading.Thread(target=hear)
        hearing.start()
        # Its time stands still: only that both are answered ends this.
        StandIn(server, ManualClock()).answer(WHY, bytes)
        hearing.join()
    assert [WHY.encode() in answer for answer in answers] == [True, True]


class Dripping(ManualClock):
    """A tenth of a second passes whenever it is looked at, and a client asks one letter more."""

    def __init__(self, asking: socket.socket) -> None:
        super().__init__()
        self._asking = asking

    @override
    def monotonic(self) -> float:
        self._asking.sendall(b"G")
        self.advance(0.1)
        return super().monotonic()


async def test_who_never_comes_to_an_end_is_left(server: HealthServer) -> None:
    with connected(server) as asking:
        clock = Dripping(asking)
        StandIn(server, clock).answer(WHY, bytes)
        assert ManualClock.monotonic(clock) < 1
        with suppress(ConnectionError):
            assert asking.recv(1) == b""


async def test_an_answer_longer_than_what_goes_at_once_comes_whole(server: HealthServer) -> None:
    figures = b"x" * 20_000_000
    heard = bytearray()
    with connected(server) as asking:
        asking.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")

        def hear() -> None:
            while part := asking.recv(1 << 20):
                heard.extend(part)

        hearing = threading.Thread(target=hear)
        hearing.start()
        StandIn(server, ManualClock()).answer(WHY, lambda: figures)
        hearing.join()
    assert heard.endswith(b"\r\n\r\n" + figures)
