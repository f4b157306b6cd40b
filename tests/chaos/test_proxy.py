"""The fault proxy does to connections what it says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import pytest

from tests.chaos.proxy import NETWORK_FAULTS, FaultProxy, NetworkFault
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

T = TypeVar("T")
SILENCE = 0.3  # seconds without an answer that count as none
DROPPED = (ConnectionError, asyncio.IncompleteReadError)


class Counter:
    """A server that counts the lines it is sent, and answers each with the count."""

    def __init__(self) -> None:
        self.lines = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            self.lines += 1
            writer.write(b"%d\n" % self.lines)
        writer.close()


class Client:
    """A connection to the counter, through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self) -> int:
        self._writer.write(b"one more\n")
        return int(await self._reader.readuntil(b"\n"))

    def close(self) -> None:
        self._writer.transport.abort()


class Bench:
    """A server, a proxy before it, and clients."""

    def __init__(self, counter: Counter, proxy: FaultProxy, port: int) -> None:
        self.counter, self.proxy = counter, proxy
        self._port = port
        self._clients: list[Client] = []

    async def client(self) -> Client:
        self._clients.append(Client(*await asyncio.open_connection("127.0.0.1", self._port)))
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    counter = Counter()
    server = await asyncio.start_server(counter.serve, "127.0.0.1", 0)
    proxy = FaultProxy("127.0.0.1", server.sockets[0].getsockname()[1])
    made = Bench(counter, proxy, await proxy.start())
    yield made
    made.close()
    await proxy.close()
    server.close()


async def soon(what: Awaitable[T], within: float = 5.0) -> T:
    return await asyncio.wait_for(what, within)


async def test_it_passes_all_on(bench: Bench) -> None:
    client = await bench.client()
    assert [await soon(client.ask()) for _ in range(3)] == [1, 2, 3]


async def test_latency_holds_up_question_and_answer(bench: Bench) -> None:
    client = await bench.client()
    bench.proxy.begin("latency")
    began = SYSTEM_CLOCK.monotonic()
    assert await soon(client.ask()) == 1
    assert SYSTEM_CLOCK.monotonic() - began >= 0.3


async def test_a_reset_ends_connections_and_refuses_new_ones(bench: Bench) -> None:
    client = await bench.client()
    await soon(client.ask())
    bench.proxy.begin("reset")
    with pytest.raises(DROPPED):
        await soon(client.ask())
    with pytest.raises(DROPPED):
        await soon((await bench.client()).ask())
    assert bench.counter.lines == 1


async def test_a_dropped_reply_is_of_a_deed_that_was_done(bench: Bench) -> None:
    client = await bench.client()
    bench.proxy.begin("reply dropped")
    with pytest.raises(DROPPED):
        await soon(client.ask())
    assert bench.counter.lines == 1


async def test_a_half_open_connection_is_silent_for_ever(bench: Bench) -> None:
    client = await bench.client()
    await soon(client.ask())
    bench.proxy.begin("half-open")
    for stuck in (client, await bench.client()):
        with pytest.raises(TimeoutError):
            await soon(stuck.ask(), SILENCE)
    bench.proxy.end()
    with pytest.raises(TimeoutError):
        await soon(client.ask(), SILENCE)
    assert bench.counter.lines == 1


@pytest.mark.parametrize("fault", NETWORK_FAULTS)
async def test_after_any_fault_a_new_connection_is_well(bench: Bench, fault: NetworkFault) -> None:
    bench.proxy.begin(fault)
    bench.proxy.end()
    assert await soon((await bench.client()).ask()) == 1
