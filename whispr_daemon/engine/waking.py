"""Waiting for news or for time, whichever is first, as cheaply as a busy path needs it."""

import asyncio
from functools import partial

from whispr_daemon.ports.clock import Clock


class Waking:
    """Set off by whoever has news, any number of times; one task waits for it.

    An event and a timeout would do the same with two tasks a wait and some turns of the loop more
    between the news and who waits for it.
    """

    def __init__(self, clock: Clock) -> None:
        """There is no news yet."""
        self._clock = clock
        self._set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Say that there is news."""
        self._set = True
        if self._waiter is not None:
            _wake(self._waiter)

    async def wait(self, seconds: float | None = None) -> None:
        """Return when there is news since the last time, or after ``seconds``."""
        if not self._set:
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            end = None if seconds is None else self._clock.alarm(seconds, partial(_wake, waiter))
            try:
                await waiter
            finally:
                self._waiter = None
                if end is not None:
                    end()
        self._set = False


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
