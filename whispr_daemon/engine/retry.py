"""Trying again what failed for a passing reason."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import structlog

from whispr_daemon.domain.errors import Transient
from whispr_daemon.ports.clock import Clock

_FIRST_PAUSE = 0.05  # seconds
_LONGEST_PAUSE = 2.0
_log = structlog.get_logger("whispr.retry")

Result = TypeVar("Result")


class Persist(Protocol):
    """Tries something until it does not fail for a passing reason."""

    async def __call__(self, doing: str, attempt: Callable[[], Awaitable[Any]]) -> Any:
        """Return what the attempt returns."""
        ...


class Backoff:
    """Pauses that double from 50 ms to 2 s, and start over after a success."""

    def __init__(self, clock: Clock) -> None:
        """``clock`` does the waiting."""
        self._clock = clock
        self._pause = _FIRST_PAUSE

    async def wait(self) -> None:
        """Sleep, longer each time."""
        await self._clock.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def reset(self) -> None:
        """Begin with the shortest pause again."""
        self._pause = _FIRST_PAUSE


async def persist(
    clock: Clock,
    doing: str,
    attempt: Callable[[], Awaitable[Result]],
    turn: Callable[[], None] = lambda: None,
    give_up: Callable[[], bool] = lambda: False,
) -> Result:
    """Return ``attempt()``, tried until it does not raise Transient. Loud: each failure is logged.

    ``attempt`` must be safe to repeat, for a failed one may have happened after all. ``turn`` is
    called before each: waiting for a server that is away is not standing still. Once ``give_up``
    says so the failure is raised: a stop must not wait for a server that is away.
    """
    backoff = Backoff(clock)
    while True:
        turn()
        try:
            return await attempt()
        except Transient as error:
            if give_up():
                raise
            _log.warning("trying again", doing=doing, error=str(error))
            await backoff.wait()


async def first_of(*waits: Awaitable[object]) -> None:
    """Return when one of the waits is over; the others are ended, also if the caller is."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
