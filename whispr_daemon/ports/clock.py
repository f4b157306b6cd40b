"""The wall clock. The only way to ask what time it is or to wait."""

from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time for everything that is not event time: cadence, liveness, latency."""

    def now(self) -> int:
        """Return the wall time, ns since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only go forward, from an arbitrary start."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        ...

    def alarm(self, seconds: float, ring: Callable[[], None]) -> Callable[[], None]:
        """Call ``ring`` after ``seconds``, without a task; return what prevents it."""
        ...
