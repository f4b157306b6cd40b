"""The harness's own Postgres and Valkey, reached through proxies that misbehave."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

from tests.chaos.proxy import FaultProxy, NetworkFault
from tests.chaos.subject import Servers, Subject, pause
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server

T = TypeVar("T")
_SHORTEST, _LONGEST = 0.3, 5.0  # seconds a fault lasts
_SETTING: Final = {"postgres": "postgres", "valkey": "redis"}


class Network:
    """Two servers and a proxy before each, on an event loop in a thread of their own."""

    def __init__(self, folder: Path) -> None:
        """The servers' data is under ``folder``."""
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._running = {
            "postgres": EmbeddedPostgres(SYSTEM_CLOCK),
            "valkey": EmbeddedValkey(SYSTEM_CLOCK),
        }
        self._proxies: dict[str, FaultProxy] = {}
        self.servers = Servers({}, {})

    def __enter__(self) -> Self:
        """Start all."""
        self._thread.start()
        self._on_loop(self._start())
        return self

    def __exit__(self, *_raised: object) -> None:
        """End all."""
        self._on_loop(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def fault(self, server: str, fault: NetworkFault) -> Callable[[Subject, Random], float]:
        """Return what hurts the way to one server for a while; see :class:`FaultProxy`."""
        proxy = self._proxies[server]

        def hurt(subject: Subject, random: Random) -> float:
            self._loop.call_soon_threadsafe(proxy.begin, fault)
            pause(random.uniform(_SHORTEST, _LONGEST))
            self._loop.call_soon_threadsafe(proxy.end)
            return subject.until_well()

        return hurt

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

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
