"""While the loop stands still somebody else answers in its place."""

import threading
from collections.abc import AsyncIterator

import httpx
import pytest

from whispr_daemon.adapters.api.server import HealthServer
from whispr_daemon.adapters.api.stand_in import StandIn
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

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
    stand_in = StandIn(server)
    alive = asked(stand_in, f"{server.url}/livez")
    assert (alive.status_code, alive.text) == (503, f"{WHY}\n")
    ready = asked(stand_in, f"{server.url}/readyz?verbose=1")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "reasons": [WHY]})
    figures = asked(stand_in, f"{server.url}/metrics")
    assert (figures.status_code, figures.text) == (200, "whispr_stalled_seconds 7\n")
    status = asked(stand_in, f"{server.url}/status")
    assert (status.status_code, status.json()) == (503, {"error": WHY})


async def test_without_the_token_nobody_is_named(server: HealthServer) -> None:
    stand_in = StandIn(server, "hush")
    alive = asked(stand_in, f"{server.url}/livez")
    assert (alive.status_code, alive.text) == (503, "the event loop stands still\n")
    assert asked(stand_in, f"{server.url}/readyz").status_code == 401
    assert asked(stand_in, f"{server.url}/readyz", Authorization="Bearer hus").status_code == 401
    ready = asked(stand_in, f"{server.url}/readyz", Authorization="Bearer hush")
    assert ready.json()["reasons"] == [WHY]


async def test_who_asks_nobody_or_a_server_that_is_closed_waits_for_nothing() -> None:
    server = HealthServer(never, "127.0.0.1", 0)
    stand_in = StandIn(server)
    began = SYSTEM_CLOCK.monotonic()
    stand_in.answer(WHY, bytes)
    await server.start()
    stand_in.answer(WHY, bytes)
    await server.stop()
    stand_in.answer(WHY, bytes)
    assert SYSTEM_CLOCK.monotonic() - began < 20
