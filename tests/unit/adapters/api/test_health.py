"""The endpoints say what the view says; a token guards them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from whispr_daemon.adapters.api.health import Readiness, health_app
from whispr_daemon.domain.errors import Transient


class View:
    """A daemon as the tests want it."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons

    async def ready(self) -> Readiness:
        return Readiness(not self.reasons, self.reasons)

    async def metrics(self) -> bytes:
        return b"whispr_events_total 1\n"

    async def status(self) -> Mapping[str, Any]:
        return {"hosts": [{"host_id": "rules-0", "up": True}]}

    async def release(self, unit_id: str) -> bool:
        if self.reasons:
            raise Transient("the database is away")
        return unit_id == "held/0"


def client(*reasons: str, token: str | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=health_app(View(*reasons), token))
    return httpx.AsyncClient(transport=transport, base_url="http://whispr")


@pytest.fixture
async def guarded() -> AsyncIterator[httpx.AsyncClient]:
    async with client(token="hush") as found:
        yield found


async def test_ready() -> None:
    async with client() as daemon:
        answer = await daemon.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "reasons": [], "warnings": []},
    )


async def test_not_ready_says_why_and_is_alive_all_the_same() -> None:
    async with client("rules/0 is recovering") as daemon:
        answer = await daemon.get("/readyz")
        alive = await daemon.get("/livez")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "reasons": ["rules/0 is recovering"],
        "warnings": [],
    }
    assert alive.status_code == 200


async def test_metrics_and_status() -> None:
    async with client() as daemon:
        metrics = await daemon.get("/metrics")
        status = await daemon.get("/status")
    assert metrics.text == "whispr_events_total 1\n"
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert status.json()["hosts"][0]["up"] is True


@pytest.mark.parametrize("sent", [None, "Bearer wrong", "hush", "Basic hush"])
async def test_without_the_token_only_livez_answers(
    guarded: httpx.AsyncClient, sent: str | None
) -> None:
    headers = {"Authorization": sent} if sent else {}
    for path in ("/readyz", "/metrics", "/status", "/nowhere"):
        answer = await guarded.get(path, headers=headers)
        assert answer.status_code == 401
        assert "Authorization: Bearer" in answer.json()["error"]
    assert (await guarded.get("/livez")).status_code == 200


async def test_with_the_token_all_answer(guarded: httpx.AsyncClient) -> None:
    for path in ("/readyz", "/metrics", "/status"):
        answer = await guarded.get(path, headers={"Authorization": "Bearer hush"})
        assert answer.status_code == 200


async def test_a_unit_is_released_by_who_sends_json() -> None:
    async with client() as daemon:
        released = await daemon.post("/units/release", json={"unit": "held/0"})
        not_held = await daemon.post("/units/release", json={"unit": "other/0"})
        form = await daemon.post("/units/release", data={"unit": "held/0"})
        wrong = await daemon.post("/units/release", json={"units": "held/0"})
    assert (released.json(), not_held.json()) == ({"released": True}, {"released": False})
    assert (form.status_code, wrong.status_code) == (415, 400)
    assert "unit" in wrong.json()["error"]


async def test_a_release_says_that_the_store_is_away() -> None:
    async with client("the store is away") as daemon:
        answer = await daemon.post("/units/release", json={"unit": "held/0"})
    assert answer.status_code == 503
    assert "the database is away" in answer.json()["error"]


async def test_a_release_wants_the_token(guarded: httpx.AsyncClient) -> None:
    assert (await guarded.post("/units/release", json={"unit": "held/0"})).status_code == 401
