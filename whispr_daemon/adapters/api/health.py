"""Whether the daemon is alive, ready, and how it stands: /livez, /readyz, /metrics, /status.

One thing can be told it, too: /units/release.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from whispr_daemon.domain.errors import Transient

_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_OPEN_TO_ALL: Final = "/livez"  # it says nothing but that this process answers


class _Release(msgspec.Struct):
    unit: str


class Readiness(NamedTuple):
    """Whether the daemon does its work, and if not, why not."""

    ready: bool
    reasons: Sequence[str] = ()
    warnings: Sequence[str] = ()  # what should be looked at and keeps it from nothing


class HealthView(Protocol):
    """What the endpoints show. Each answer comes from memory: only a release waits for a server."""

    async def ready(self) -> Readiness:
        """Say whether log and store answer and all units have caught up."""
        ...

    async def metrics(self) -> bytes:
        """Return the figures of every process as Prometheus text."""
        ...

    async def status(self) -> Mapping[str, Any]:
        """Return how hosts and units stand, as plain data."""
        ...

    async def release(self, unit_id: str) -> bool:
        """End a unit's quarantine in the store; False if it was in none. May raise Transient."""
        ...


def health_app(view: HealthView, token: str | None = None) -> FastAPI:
    """Return the app; with a token, all but /livez want ``Authorization: Bearer <token>``."""
    app = FastAPI(title="Whispr", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/livez")
    async def livez() -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        found = await view.ready()
        return JSONResponse(found._asdict(), 200 if found.ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(await view.metrics(), media_type=_METRICS_TYPE)

    @app.get("/status")
    async def status() -> JSONResponse:
        return JSONResponse(await view.status())

    @app.post("/units/release")
    async def release(request: Request) -> JSONResponse:
        # A page in a browser cannot send this type to another origin without asking, in vain.
        if request.headers.get("content-type") != "application/json":
            return JSONResponse({"error": 'send JSON: {"unit": "ema_cross/0"}'}, 415)
        try:
            unit = msgspec.json.decode(await request.body(), type=_Release).unit
            return JSONResponse({"released": await view.release(unit)})
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, 400)
        except Transient as error:
            return JSONResponse({"error": f"the store is away: {error}"}, 503)

    if token is not None:
        _ask_for(token, app)
    return app


def _ask_for(token: str, app: FastAPI) -> None:
    expected = f"Bearer {token}".encode()

    @app.middleware("http")
    async def check(
        request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        found = request.headers.get("authorization", "").encode()
        if request.url.path == _OPEN_TO_ALL or secrets.compare_digest(found, expected):
            return await proceed(request)
        refusal = {"error": "send the token as 'Authorization: Bearer <token>'"}
        return JSONResponse(refusal, 401, headers={"WWW-Authenticate": "Bearer"})
