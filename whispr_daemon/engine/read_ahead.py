"""Reads a source ahead, while what came before is being appended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final

from whispr_daemon.engine.retry import first_of
from whispr_daemon.ports.source import SourceBatch

_MOST: Final = 8  # batches read ahead; the source waits for room


class ReadAhead:
    """A queue of batches that a task of its own fills, until it is closed."""

    def __init__(self, batches: AsyncIterator[SourceBatch], name: str) -> None:
        """``name`` is the source's; reading begins at once."""
        self._queue: asyncio.Queue[SourceBatch | None] = asyncio.Queue(_MOST)
        self._task = asyncio.create_task(self._fill(batches), name=f"read {name}")
        self.ended = False  # all there will ever be has been returned
        self.error: Exception | None = None  # what the source ended with

    async def close(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def arrived(self, others: Callable[[], Iterable[Awaitable[object]]]) -> list[SourceBatch]:
        """Return all that is there; wait for the first, the end, or something else to do."""
        arrived: list[SourceBatch | None] = []
        if self._queue.empty():
            getter = asyncio.ensure_future(self._queue.get())
            await first_of(getter, *others())
            arrived = [] if getter.cancelled() else [getter.result()]
        while not self._queue.empty():
            arrived.append(self._queue.get_nowait())
        self.ended = None in arrived
        return [batch for batch in arrived if batch is not None]

    async def _fill(self, batches: AsyncIterator[SourceBatch]) -> None:
        try:
            async for batch in batches:
                await self._queue.put(batch)
        except Exception as found:  # noqa: BLE001 (handed over to whoever reads the queue)
            self.error = found
        await self._queue.put(None)
