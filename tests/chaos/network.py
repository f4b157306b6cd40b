"""The harness's own Postgres and Valkey, reached through proxies that misbehave."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from tests.chaos.background import Background
from tests.chaos.places import Servers
from tests.chaos.proxy import FaultProxy, NetworkFault
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server

_SETTING: Final = {"postgres": "postgres", "valkey": "redis"}


class Network:
    """Two servers and a proxy before each; a context manager."""

    def __init__(self, loop: Background) -> None:
        """All runs on ``loop``; the servers' data is in a folder of their own."""
        self._loop = loop
        self._folder = Path(tempfile.mkdtemp(prefix="n-"))
        self._folder.chmod(0o755)  # another user's Postgres has to reach it
        self._running = {
            "postgres": EmbeddedPostgres(SYSTEM_CLOCK),
            "valkey": EmbeddedValkey(SYSTEM_CLOCK),
        }
        self._proxies: dict[str, FaultProxy] = {}
        self.servers = Servers({}, {})

    def __enter__(self) -> Self:
        """Start all."""
        self._loop.do(self._start())
        return self

    def __exit__(self, *_raised: object) -> None:
        """End all."""
        self._loop.do(self._stop())
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def hurt(self, server: str, fault: NetworkFault) -> Iterator[None]:
        """Hurt the way to one server (postgres, valkey); see :class:`FaultProxy`."""
        proxy = self._proxies[server]
        self._loop.loop.call_soon_threadsafe(proxy.begin, fault)
        try:
            yield
        finally:
            self._loop.loop.call_soon_threadsafe(proxy.end)

    async def _start(self) -> None:
        told, direct = {}, {}
        for name, server in self._running.items():
            found = await server.start(self._folder)
            place = urlsplit(found.url)
            assert place.hostname is not None
            assert place.port is not None
            proxy = self._proxies[name] = FaultProxy(place.hostname, place.port)
            port = await proxy.start()
            setting = _SETTING[name]
            direct[setting] = found
            told[setting] = Server(found.url.replace(f":{place.port}", f":{port}"), found.password)
        self.servers = Servers(told, direct)

    async def _stop(self) -> None:
        for proxy in self._proxies.values():
            await proxy.close()
        for server in self._running.values():
            await server.stop()
