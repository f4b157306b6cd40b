"""What was loaded for good is none of the garbage collector's business any more."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Final

from whispr_daemon.domain.unit import UnitReport
from whispr_daemon.ports.clock import Clock

_LOOK_EVERY: Final = 0.5  # seconds
_UP: Final = ("live", "quarantined")


def rest_once_live(
    units: Callable[[], Awaitable[Iterable[UnitReport]]],
    count: int,
    clock: Clock,
    stack: AsyncExitStack,
) -> None:
    """Take all that there is out of the collector's sight, once so many ``units`` are at work.

    A full collection looks at each object that ever lived long: a fifth of a second with 500
    strategies on four partitions, a second with 10,000 rules, and the loop stands still meanwhile.
    What is garbage by then is collected first. What becomes garbage later is freed as ever where
    nothing but itself refers to it in a circle: such a circle of what was loaded at the start is
    not found any more, which is little, and does not grow. ``stack`` ends it.
    """

    async def rest() -> None:
        while sum(unit.state in _UP for unit in await units()) < count:
            await clock.sleep(_LOOK_EVERY)
        gc.collect()
        gc.freeze()

    task = asyncio.create_task(rest(), name="memory at rest")
    stack.callback(task.cancel)
