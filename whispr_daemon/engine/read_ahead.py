"""Reads a source ahead, while what came before is being appended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from whispr_daemon.ports.source import SourceBatch

_MOST: Final = 8  # batches read ahead …
_MOST_BYTES: Final = 2**20  # … or of rows, whichever is less; the source waits for room


class ReadAhead:
    """Batches that a task of its own reads, until it is closed: no more than there is room for."""

    def __init__(
        self, batches: AsyncIterator[SourceBatch], name: str, came: Callable[[], None]
    ) -> None:
        """``name`` is the source's; reading begins at once.

        ``came`` is called when there is something to take, or will be no more.
        """
        self._batches: list[SourceBatch] = []
        self.bytes = 0  # of the rows that wait to be asked for
        self._over = False  # there will be no more
        self._came, self._room = came, asyncio.Event()
        self._task = asyncio.create_task(self._fill(batches), name=f"read {name}")
        self.ended = False  # all there will ever be has been returned
        self.error: Exception | None = None  # what the source ended with

    async def close(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def arrived(self) -> list[SourceBatch]:
        """Return all that is there; then there is room for more."""
        found, self._batches, self.bytes = self._batches, [], 0
        self.ended = self._over
        self._room.set()
        return found

    async def _fill(self, batches: AsyncIterator[SourceBatch]) -> None:
        try:
            async for batch in batches:
                self._batches.append(batch)
                self.bytes += batch.rows.nbytes
                self._came()
                while len(self._batches) >= _MOST or self.bytes >= _MOST_BYTES:
                    self._room.clear()
                    await self._room.wait()
        except Exception as found:  # noqa: BLE001 (handed over to whoever reads)
            self.error = found
        self._over = True
        self._came()
