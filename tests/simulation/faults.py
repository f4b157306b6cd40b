"""Faults by seed around any port, figures that can be asked, and a way to let time pass."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final, TypeVar

from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.unit import Sample
from whispr_daemon.ports.metrics import Metric

T = TypeVar("T")

_STEPS: Final = 20_000  # of the loop, before a test is said to hang
_SETTLED: Final = 40  # turns of the loop in which everybody who can run has run


class Figures:
    """The Metrics port, to look at."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.gauges: dict[tuple[str, ...], float] = {}

    def count(self, metric: Metric, amount: float = 1, *labels: str) -> None:
        """Add."""
        self.counts[metric.name] += int(amount)

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Set."""
        self.gauges[(metric.name, *labels)] = value

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Count the observation."""
        self.counts[metric.name] += 1

    def samples(self) -> tuple[Sample, ...]:
        """Return nothing: nobody gathers them here."""
        return ()


class Faulty:
    """A port whose calls take a seeded while and fail, before or after having happened.

    Between the two halves of a failed call a test may cancel the caller: a crash at that point.
    """

    def __init__(self, port: object, clock: ManualClock, random: Random, chance: float) -> None:
        """``chance`` is that of Transient, half of it before and half of it after."""
        self._port, self._clock, self._random, self._chance = port, clock, random, chance

    def __getattr__(self, name: str) -> Any:
        """Return the port's method with faults around it."""
        found = getattr(self._port, name)
        if not callable(found):
            return found

        async def call(*args: object, **kwargs: object) -> object:
            await self._while()
            if self._random.random() < self._chance / 2:
                raise Transient(f"{name}: it did not happen")
            answer = await found(*args, **kwargs)
            await self._while()
            if self._random.random() < self._chance / 2:
                raise Transient(f"{name}: it happened, nobody was told")
            return answer

        return call

    async def _while(self) -> None:
        for _ in range(self._random.randrange(3)):
            await self._clock.sleep(0)


async def settle(clock: ManualClock, turns: int = _SETTLED) -> None:
    """Let everybody run who can without time passing."""
    for _ in range(turns):
        await clock.sleep(0)


async def until(clock: ManualClock, reached: Callable[[], bool], step: float = 0.05) -> None:
    """Let time pass until something is reached; say so if it never is."""
    for _ in range(_STEPS // 10):
        if reached():
            return
        await settle(clock, 10)
        clock.advance(step)
    raise AssertionError("it hangs: nothing was reached in 100 s of its time")


async def finish(clock: ManualClock, work: Awaitable[T]) -> T:
    """Await something while time passes."""
    task = asyncio.ensure_future(work)
    try:
        await until(clock, task.done)
    finally:
        task.cancel()
        await asyncio.wait({task})
    return task.result()


async def crash(task: "asyncio.Task[Any]") -> None:
    """End a task where it stands, as a process that dies."""
    task.cancel()
    await asyncio.wait({task})
