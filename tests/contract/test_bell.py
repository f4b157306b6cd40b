"""A bell is heard in another process at once, and again after its connection was lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4  # noqa: TID251 - names of keys, of no meaning

import pytest

from whispr_daemon.adapters.clock import SYSTEM_CLOCK, ManualClock
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.outlets.bell import Bell
from whispr_daemon.adapters.redis_link import RedisLink


class Heard:
    """Counts rings; a test waits for the next."""

    def __init__(self) -> None:
        self._rings: asyncio.Queue[None] = asyncio.Queue()

    def told(self, _news: bytes) -> None:
        self._rings.put_nowait(None)

    async def next(self) -> None:
        async with asyncio.timeout(10):
            await self._rings.get()

    @property
    def more(self) -> int:
        return self._rings.qsize()


@asynccontextmanager
async def running(*work: Callable[[], object]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(each()) for each in work]  # type: ignore[call-overload]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def asleep(clock: ManualClock) -> None:
    """Wait until somebody waits for the clock."""
    async with asyncio.timeout(10):
        while clock.next_wake is None:
            await SYSTEM_CLOCK.sleep(0.01)


@pytest.fixture
def prefix() -> str:
    return f"bell-{uuid4().hex}"


async def test_who_listens_hears_each_ring_and_that_it_listens(
    valkey_server: Server, prefix: str
) -> None:
    url, password = valkey_server.url, valkey_server.password
    here = await Bell.connect(url, password, prefix, SYSTEM_CLOCK)
    there = await Bell.connect(url, password, prefix, SYSTEM_CLOCK)
    heard = Heard()
    async with running(lambda: here.listen(heard.told), there.pass_on):
        await heard.next()
        for _ in range(3):
            there.ring()
            await heard.next()
        there.ring()
        there.ring()
        await heard.next()
        assert heard.more == 0, "two rings that nobody has told of yet are one"
    await here.close()
    await there.close()


async def test_what_is_new_is_told_with_the_ring_and_what_was_not_told_is_to_be_looked_for(
    valkey_server: Server, prefix: str
) -> None:
    link = await RedisLink.open(valkey_server.url, valkey_server.password)
    clock, said = ManualClock(), [b"one", b"two", b"three", b"four"][::-1]
    there = Bell(link, prefix, clock, lambda: said.pop())
    here = await Bell.connect(valkey_server.url, valkey_server.password, prefix, SYSTEM_CLOCK)
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def next_news() -> bytes:
        async with asyncio.timeout(10):
            return await heard.get()

    async with running(lambda: here.listen(heard.put_nowait), there.pass_on):
        assert await next_news() == b"", "what was said before anybody listened"
        there.ring()
        assert await next_news() == b"one"
        await link.close()
        there.ring()
        await asleep(clock)
        there._link = await RedisLink.open(valkey_server.url, valkey_server.password)
        clock.advance(1)
        there.ring()
        assert await next_news() == b"", "two was not told"
        there.ring()
        assert await next_news() == b"four"
    await here.close()
    await there.close()


async def test_who_lost_the_connection_listens_again_and_looks(
    valkey_server: Server, prefix: str
) -> None:
    clock = ManualClock()
    link = await RedisLink.open(valkey_server.url, valkey_server.password)
    bell = await Bell.connect(valkey_server.url, valkey_server.password, prefix, clock)
    heard = Heard()
    async with running(lambda: bell.listen(heard.told)):
        await heard.next()
        killed = await link.call(("CLIENT", "KILL", "TYPE", "pubsub"), int)
        assert killed == 1
        await asleep(clock)
        clock.advance(1.0)
        await heard.next()
    await bell.close()
    await link.close()


@pytest.mark.parametrize("doing", ["listen", "pass on"])
async def test_who_is_ended_is_ended_wherever_it_is_and_spoils_no_connection(
    valkey_server: Server, prefix: str, doing: str
) -> None:
    link = await RedisLink.open(valkey_server.url, valkey_server.password)
    bell = Bell(link, prefix, SYSTEM_CLOCK, bytes)
    for turns in range(60):
        work = bell.listen(lambda _: None) if doing == "listen" else bell.pass_on()
        task = asyncio.ensure_future(work)
        for _ in range(turns):
            bell.ring()
            await SYSTEM_CLOCK.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        assert task.cancelled(), f"ended after {turns} turns of the loop, it goes on"
        assert await link.call(("ECHO", f"{turns}"), bytes) == b"%d" % turns
    await link.close()


async def test_who_hears_nothing_for_long_listens_anew_and_looks(
    valkey_server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await RedisLink.open(valkey_server.url, valkey_server.password)
    bell = Bell(link, prefix, SYSTEM_CLOCK, bytes)
    heard = Heard()
    monkeypatch.setattr("whispr_daemon.adapters.redis_link._PATIENCE_SECONDS", 0.2)
    async with running(lambda: bell.listen(heard.told)):
        for _ in range(3):
            await heard.next()
    await link.close()


@pytest.mark.parametrize("doing", ["listen", "pass on"])
async def test_a_user_who_may_not_use_the_channel_asks_again_after_a_minute(
    valkey_server: Server, prefix: str, doing: str
) -> None:
    link = await RedisLink.open(valkey_server.url, valkey_server.password)

    async def user(*rights: str) -> None:
        await link.call(("ACL", "SETUSER", prefix, "on", ">secret", "~*", "+@all", *rights), bytes)

    await user("resetchannels")
    clock, heard = ManualClock(), Heard()
    url = valkey_server.url.replace("//", f"//{prefix}@")
    here = await Bell.connect(valkey_server.url, valkey_server.password, prefix, SYSTEM_CLOCK)
    there = await Bell.connect(url, "secret", prefix, clock)
    if doing == "listen":
        refused, other = (lambda: there.listen(heard.told)), here.pass_on
    else:
        refused, other = there.pass_on, (lambda: here.listen(heard.told))
    async with running(refused):
        there.ring()
        await asleep(clock)
        assert clock.next_wake == 60 * 10**9
        await user(f"&{prefix}:outputs")
        async with running(other):
            if doing == "pass on":
                await heard.next()  # that it listens
            clock.advance(60)
            there.ring()
            await heard.next()
    for bell in (here, there):
        await bell.close()
    await link.call(("ACL", "DELUSER", prefix), int)
    await link.close()
