"""How the relays of a daemon hear of what hosts in other processes have committed."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.stores.news import News
from whispr_daemon.bootstrap.reach import Reach
from whispr_daemon.engine.relay import Relay


def nudging(relays: Sequence[Relay]) -> Callable[[], None]:
    """Return what says to all relays that there are new outputs."""

    def nudge() -> None:
        for relay in relays:
            relay.nudge()

    return nudge


async def ringing(reach: Reach, stack: AsyncExitStack, news: News) -> Callable[[], None]:
    """Return what tells the daemon, from a host's process, of new outputs; it ends with ``stack``.

    They are those that ``news`` has of the process's store. Without a Redis to ring through, relays
    find them when they look for themselves.

    Raises:
        SettingsError: the server cannot be reached.
    """
    if not reach.redis_url:
        return _silent
    from whispr_daemon.adapters.outlets.bell import Bell  # only here: tier 0 has no Redis

    where = (reach.redis_url, reach.redis_password, reach.redis_prefix)
    bell = await Bell.connect(*where, SYSTEM_CLOCK, news.told)
    stack.push_async_callback(bell.close)
    passing = asyncio.create_task(bell.pass_on(), name="bell")

    async def end() -> None:
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)

    stack.push_async_callback(end)
    return bell.ring


def _silent() -> None:
    """Ring nobody."""


async def listening(
    reach: Reach, relays: Sequence[Relay], stack: AsyncExitStack, news: News
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return what nudges relays at every ring of a host, until cancelled.

    What is told with it is in ``news``, of the relays' store, by then.

    Raises:
        SettingsError: the server cannot be reached.
    """
    from whispr_daemon.adapters.outlets.bell import Bell

    bell = await Bell.connect(
        reach.redis_url, reach.redis_password, reach.redis_prefix, SYSTEM_CLOCK
    )
    stack.push_async_callback(bell.close)
    nudge = nudging(relays)

    def rung(told: bytes) -> None:
        news.hear(told)
        nudge()

    return partial(bell.listen, rung)
