"""How far a daemon has come, read from its log and store: nobody has to tell, or tells late."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Final, NamedTuple, TypeAlias

from tests.chaos.background import Background
from whispr_daemon.domain.errors import WhisprError
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store, UnitMark

_ANSWER_WITHIN: Final = 1.0  # seconds: a server that is frozen has nothing to tell

Open: TypeAlias = Callable[[AsyncExitStack], Awaitable[tuple[EventLog, Store]]]


class Standing(NamedTuple):
    """How far all is at one moment."""

    ends: tuple[Position, ...]  # of the log, by partition
    marks: Mapping[str, UnitMark]  # by unit

    @property
    def outputs(self) -> int:
        """How many outputs are durable."""
        return sum(mark.out_seq for mark in self.marks.values())

    def beyond(self, target: "Standing") -> bool:
        """Whether the log has grown since, and every unit made durable more than it held then."""
        grown = [now > then for now, then in zip(self.ends, target.ends, strict=True)]
        return any(grown) and all(
            mark.wm > target.ends[place] if grown[place] else mark.wm >= target.ends[place]
            for mark, place in self._placed()
        )

    def _placed(self) -> list[tuple[UnitMark, int]]:
        """Return the marks of units that read the log, with their partitions."""
        named = [(mark, unit_id.rpartition("/")) for unit_id, mark in self.marks.items()]
        return [(mark, int(place)) for mark, (strategy, _, place) in named if strategy]


class Gauge:
    """Looks when asked; opens log and store anew after a failure."""

    def __init__(self, loop: Background, open_: Open) -> None:
        """``open_`` enters what it opens into the stack it is given."""
        self._loop = loop
        self._open = open_
        self._stack = AsyncExitStack()
        self._ports: tuple[EventLog, Store] | None = None

    def look(self) -> Standing | None:
        """Return how far all is, None if log or store does not answer."""
        return self._loop.do(self._look())

    def close(self) -> None:
        """Let go of log and store."""
        self._loop.do(self._drop())

    async def _look(self) -> Standing | None:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                if self._ports is None:
                    self._ports = await self._open(self._stack)
                log, store = self._ports
                marks = await store.marks()
                ends = [await log.last(each) for each in range(log.partitions)]
        except (WhisprError, OSError, TimeoutError):
            await self._drop()
            return None
        return Standing(tuple(ends), marks)

    async def _drop(self) -> None:
        self._ports = None
        stack, self._stack = self._stack, AsyncExitStack()
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                await stack.aclose()
        except (WhisprError, OSError, TimeoutError):
            return  # of a connection that is dead anyway
