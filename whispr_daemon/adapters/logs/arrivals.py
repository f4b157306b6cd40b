"""Waking the readers of this process when something was appended."""

import asyncio
from collections.abc import Iterable
from functools import partial

from whispr_daemon.domain.errors import Transient
from whispr_daemon.ports.clock import Clock


class Arrivals:
    """Counts appends per partition. A reader notes the count, looks, and waits for it to move.

    So an append between the look and the wait is not missed.
    """

    def __init__(self, partitions: int, clock: Clock) -> None:
        """The clock is what waits are timed by."""
        self._clock = clock
        self._counts = [0] * partitions
        # In the order they came: who reads the same twice is woken the same twice.
        self._waiting: list[dict[asyncio.Future[None], None]] = [{} for _ in range(partitions)]
        self._closed = False

    def count(self, partition: int) -> int:
        """Return the number of appends announced so far."""
        self.check_open()
        return self._counts[partition]

    async def wait(self, partition: int, seen: int, seconds: float) -> None:
        """Return once the count is no longer ``seen``, or after ``seconds``."""
        if seconds <= 0 or self.count(partition) != seen:
            return
        woken = asyncio.get_running_loop().create_future()
        self._waiting[partition][woken] = None
        end = self._clock.alarm(seconds, partial(_wake, woken))
        try:
            await woken
        finally:
            end()
            del self._waiting[partition][woken]

    def announce(self, partitions: Iterable[int]) -> None:
        """Wake the readers of these partitions."""
        for partition in partitions:
            self._counts[partition] += 1
            for woken in self._waiting[partition]:
                _wake(woken)

    def check_open(self) -> None:
        """Raise Transient if the log was closed."""
        if self._closed:
            raise Transient("the market log is closed")

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def close(self) -> None:
        """Wake everyone; whoever looks from now on is told that the log is closed."""
        self._closed = True
        self.announce(range(len(self._counts)))


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
