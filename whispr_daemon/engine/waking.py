"""Waiting for news or for time, whichever is first, as cheaply as a busy path needs it."""

import asyncio

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
        self._release()

    async def wait(self, seconds: float | None = None) -> None:
        """Return when there is news since the last time, or after ``seconds``."""
        if not self._set:
            self._waiter = asyncio.get_running_loop().create_future()
            timer = None
            if seconds is not None:
                timer = asyncio.ensure_future(self._clock.sleep(seconds))
                timer.add_done_callback(lambda _: self._release())
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        self._set = False

    def _release(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
