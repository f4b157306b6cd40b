"""The system's clock, and one that moves only when told to (tests, simulation)."""

import asyncio
import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

_NANOS: Final = 1_000_000_000


class SystemClock:
    """Real time."""

    def now(self) -> int:
        """Return the wall time, ns since 1970-01-01 UTC."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Return seconds that only go forward."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        await asyncio.sleep(seconds)

    def alarm(self, seconds: float, ring: Callable[[], None]) -> Callable[[], None]:
        """Call ``ring`` after ``seconds``; return what prevents it."""
        return asyncio.get_running_loop().call_later(seconds, ring).cancel


SYSTEM_CLOCK: Final = SystemClock()  # it has no state: one serves all


class ManualClock:
    """Stands still until :meth:`advance`."""

    def __init__(self, start: int = 0) -> None:
        """``start`` is the first :meth:`now`, ns UTC."""
        self._now = start
        self._start = start
        self._asked = 0  # breaks ties: who slept first wakes first
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """Return the time it was set to, ns UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds it was advanced by so far."""
        return (self._now - self._start) / _NANOS

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by ``seconds``; 0 or less only yields."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._sleeper(seconds)

    def alarm(self, seconds: float, ring: Callable[[], None]) -> Callable[[], None]:
        """Call ``ring`` once the clock is advanced by ``seconds``; return what prevents it."""
        if seconds <= 0:
            return asyncio.get_running_loop().call_soon(ring).cancel
        return _Alarm(self._sleeper(seconds), ring).prevent

    def _sleeper(self, seconds: float) -> asyncio.Future[None]:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked += 1
        heappush(self._sleepers, (self._now + _nanos(seconds), self._asked, woken))
        return woken

    @property
    def next_wake(self) -> int | None:
        """When the next sleeper is due, ns UTC; None while nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():  # cancelled in the meantime
            heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, seconds: float) -> None:
        """Move on and wake, in order, everyone due by then.

        The woken run when the caller next awaits, and all of them see the new time. To let a
        periodic task run once per period, advance by one period (or to :attr:`next_wake`) at a
        time and let the loop turn in between.
        """
        self._now += _nanos(seconds)
        while (due := self.next_wake) is not None and due <= self._now:
            heappop(self._sleepers)[2].set_result(None)


class _Alarm:
    """Rings when a sleeper is woken, unless it was prevented before the loop comes to it."""

    def __init__(self, woken: asyncio.Future[None], ring: Callable[[], None]) -> None:
        self._woken, self._ring = woken, ring
        self._prevented = False
        woken.add_done_callback(self._due)

    def prevent(self) -> None:
        self._prevented = True
        self._woken.cancel()

    def _due(self, _: asyncio.Future[None]) -> None:
        if not self._prevented:
            self._ring()


def _nanos(seconds: float) -> int:
    return round(seconds * _NANOS)
