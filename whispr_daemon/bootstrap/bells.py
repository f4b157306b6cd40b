"""How the relays of a daemon hear of what hosts in other processes have committed."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.reach import Reach
from whispr_daemon.engine.relay import Relay


def nudging(relays: Sequence[Relay]) -> Callable[[], None]:
    """Return what says to all relays that there are new outputs."""

    def nudge() -> None:
        for relay in relays:
            relay.nudge()

    return nudge


async def ringing(reach: Reach, stack: AsyncExitStack) -> Callable[[], None]:
    """Return what tells the daemon, from a host's process, of new outputs; it ends with ``stack``.

    Without a Redis to ring through, relays find them when they look for themselves.

    Raises:
        SettingsError: the server cannot be reached.
    """
    if not reach.redis_url:
        return _silent
    from whispr_daemon.adapters.outlets.bell import Bell  # only here: tier 0 has no Redis

    bell = await Bell.connect(
        reach.redis_url, reach.redis_password, reach.redis_prefix, SYSTEM_CLOCK
    )
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
    reach: Reach, relays: Sequence[Relay], stack: AsyncExitStack
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return what nudges relays at every ring of a host, until cancelled.

    Raises:
        SettingsError: the server cannot be reached.
    """
    from whispr_daemon.adapters.outlets.bell import Bell

    bell = await Bell.connect(
        reach.redis_url, reach.redis_password, reach.redis_prefix, SYSTEM_CLOCK
    )
    stack.push_async_callback(bell.close)
    return partial(bell.listen, nudging(relays))
