"""A TCP proxy that misbehaves as networks do: slow, cut, deaf, or silent after the deed."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Final, Literal, TypeAlias

NetworkFault: TypeAlias = Literal["latency", "throttle", "reset", "reply dropped", "half-open"]
NETWORK_FAULTS: Final[tuple[NetworkFault, ...]] = (
    "latency",
    "throttle",
    "reset",
    "reply dropped",
    "half-open",
)
_CHUNK: Final = 65_536  # bytes
_LATENCY: Final = 0.15  # seconds, each way
_THROTTLE: Final = 40_000  # bytes a second, each way
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST


class _Link:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.deaf = False  # what is sent goes nowhere, for ever

    def cut(self) -> None:
        """End both with a reset."""
        for writer in (self.client, self.server):
            found = writer.get_extra_info("socket")
            if found is not None and found.fileno() >= 0:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


class FaultProxy:
    """Passes connections on to one server. Made and used on one event loop.

    Faults: ``latency`` and ``throttle`` hold up every byte; ``reset`` ends all connections, and new
    ones at once; ``reply dropped`` lets the server do what it was asked and ends the connection
    before the answer; ``half-open`` swallows all that is sent over the connections there are and
    those made meanwhile, which never recover, as when a peer's machine has lost its power.
    """

    def __init__(self, host: str, port: int) -> None:
        """``host`` and ``port`` are the server's; it need not run yet."""
        self._target = (host, port)
        self._fault: NetworkFault | None = None
        self._links: set[_Link] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on a free port of the loopback; return it."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def begin(self, fault: NetworkFault) -> None:
        """Misbehave like this until :meth:`end`."""
        self._fault = fault
        for link in list(self._links):
            if fault == "reset":
                link.cut()
            link.deaf |= fault == "half-open"

    def end(self) -> None:
        """Behave again."""
        self._fault = None

    async def close(self) -> None:
        """End everything."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _accept(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
        except OSError:
            to_client.transport.abort()
            return
        link = _Link(to_client, to_server)
        self._links.add(link)
        link.deaf = self._fault == "half-open"
        if self._fault == "reset":
            link.cut()
        ways = (
            asyncio.create_task(self._pump(link, from_client, to_server, reply=False)),
            asyncio.create_task(self._pump(link, from_server, to_client, reply=True)),
        )
        self._pumps.update(ways)
        await asyncio.gather(*ways, return_exceptions=True)
        self._pumps.difference_update(ways)
        self._links.discard(link)

    async def _pump(
        self, link: _Link, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, reply: bool
    ) -> None:
        with suppress(OSError):
            while part := await source.read(_CHUNK):
                fault = self._fault
                if link.deaf:
                    continue
                if fault == "reply dropped" and reply:
                    break
                if fault == "latency":
                    await asyncio.sleep(_LATENCY)  # noqa: TID251 - networks keep real time
                elif fault == "throttle":
                    await asyncio.sleep(len(part) / _THROTTLE)  # noqa: TID251
                to.write(part)
                await to.drain()
        if not link.deaf:
            link.cut()
