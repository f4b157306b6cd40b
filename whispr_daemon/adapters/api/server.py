"""Serves an app with uvicorn within the running loop, and leaves signals to whoever owns them."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from typing_extensions import override

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.clock import Clock

_GRACE: Final = 0.5  # seconds that requests under way are given at the end
_BACKLOG: Final = 128
_LOOK_EVERY: Final = 0.1  # seconds


class HealthServer:
    """An HTTP server over one listening socket."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        """``app`` is an ASGI app; ``port`` 0 takes any free one."""
        self._app = app
        self._host = host
        self._port = port
        self._listening: socket.socket | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it answers, e.g. ``http://127.0.0.1:8321``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Return when requests are answered.

        Raises:
            SettingsError: the port is in use, or the host is not this machine's.
        """
        listening = self._listening = _listen(self._host, self._port)
        self._port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(
            self._server.serve(sockets=[listening]), name="health server"
        )
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._serving.done():
            self._serving.result()

    def accept(self) -> tuple[socket.socket, object]:
        """Take the next connection in place of the loop, which stands still; never waits.

        Raises:
            OSError: nobody waits, or this does not listen.
        """
        if self._listening is None:
            raise BlockingIOError
        return self._listening.accept()

    async def stop(self) -> None:
        """Let requests under way end, or end them; return in less than a second."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await asyncio.wait({self._serving}, timeout=_GRACE)
        for request in self._server.server_state.tasks:
            request.cancel()
        await asyncio.wait({self._serving}, timeout=_GRACE / 2)
        self._serving.cancel()
        await asyncio.wait({self._serving})


class _Server(uvicorn.Server):
    """Says when it is up, and does not touch signal handlers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def check_port(host: str, port: int) -> None:
    """Find out early whether a server could listen there.

    Raises:
        SettingsError: the port is in use, or the host is not this machine's.
    """
    _listen(host, port).close()


async def until_free(host: str, port: int, within: float, clock: Clock) -> None:
    """As :func:`check_port`, but give who has the port ``within`` seconds to let it go.

    Raises:
        SettingsError: the port is in use, or the host is not this machine's.
    """
    deadline = clock.monotonic() + within
    while True:
        try:
            check_port(host, port)
        except SettingsError:
            if clock.monotonic() >= deadline:
                raise
            await clock.sleep(_LOOK_EVERY)
        else:
            return


def _listen(host: str, port: int) -> socket.socket:
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(_refusal(error, host, port)) from error
    return listening


def _refusal(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"health.port {port} on {host} is in use; "
            "set health.port or WHISPR_HEALTH__PORT to a free one"
        )
    if error.errno == errno.EACCES:
        return f"health.port {port} on {host} is not permitted to this user; set one above 1023"
    return f"health.host {host} is not an address of this machine ({error.strerror}); set 127.0.0.1"
