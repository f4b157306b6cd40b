"""An event loop whose time is not the world's: with nothing to do it jumps to the next timer."""

import asyncio
from collections.abc import Coroutine
from heapq import heappop
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


class VirtualLoop(asyncio.BaseEventLoop):
    """Hours pass in milliseconds, and the same work takes the same turns every time."""

    def __init__(self) -> None:
        """Time begins at 0."""
        super().__init__()
        self._moment = 0.0

    @override
    def time(self) -> float:
        """Return the virtual seconds since the start."""
        return self._moment

    def _run_once(self) -> None:
        """Run all that is ready; if nothing is, let time pass up to the next timer."""
        ready, timers = self._ready, self._scheduled
        while timers and timers[0]._cancelled:
            heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise AssertionError("it hangs: everybody waits for somebody else")
            self._moment = max(self._moment, timers[0]._when)
        while timers and timers[0]._when <= self._moment:
            ready.append(heappop(timers))
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _write_to_self(self) -> None:
        """Nobody has to be woken."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something on a loop of its own; all that it left running is ended."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        while left := asyncio.all_tasks(loop):  # whoever ends may leave others
            for task in left:
                task.cancel()
            loop.run_until_complete(_over(left))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _over(tasks: set["asyncio.Task[Any]"]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
