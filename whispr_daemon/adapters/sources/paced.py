"""Any source at a pace: event time goes by as fast as asked, closed hours are skipped."""

from collections.abc import AsyncIterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.timeframe import MINUTE, SECOND
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.source import Source, SourceBatch

_LONGEST_WAITED_FOR: Final = 10 * MINUTE  # of event time; a night or a weekend is skipped


class Paced:
    """Delivers a source's rows when they are due.

    Event time advances ``speed`` times as fast as the clock, from the first paced row taken on:
    resumed later, it goes on at once, without catching up on the time it was away. Rows of one
    time come together; what is overdue, because the reader was busy, comes in one batch.
    """

    def __init__(self, source: Source, clock: Clock, speed: float, live_from_seq: int = 1) -> None:
        """Rows numbered below ``live_from_seq`` are delivered at full speed.

        Raises:
            SettingsError: ``speed`` is not above 0.
        """
        if not speed > 0:
            raise SettingsError(
                f"speed is {speed:g}; it should be above 0, e.g. 60 (1 min a second)"
            )
        self._source = source
        self._clock = clock
        self._speed = speed
        self._live_from_seq = live_from_seq

    @property
    def name(self) -> str:
        """The name of the source: its rows and their numbers are the same."""
        return self._source.name

    @property
    def total(self) -> int | None:
        """The number of rows, None if the source is endless."""
        return self._source.total

    def describe(self, seq: int) -> str:
        """Say where row ``seq`` stands in the source."""
        return self._source.describe(seq)

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield the rows numbered above ``after`` as they fall due."""
        last = 0  # ts_event of the row before
        due = 0.0  # when it was due, on the monotonic clock
        async for batch in self._source.batches(after):
            warm = min(max(self._live_from_seq - batch.first_seq, 0), len(batch.rows))
            if warm:
                yield _part(batch, 0, warm)
            rows = batch.rows[warm:]
            if not len(rows):
                continue
            if not last:
                last, due = int(rows["ts"][0]), self._clock.monotonic()
            times = due + np.cumsum(_steps(rows, last)) / self._speed / SECOND
            last, due = int(rows["ts"][-1]), float(times[-1])
            async for start, end in self._spans(times):
                yield _part(batch, warm + start, warm + end)

    async def _spans(self, times: NDArray[np.float64]) -> AsyncIterator[tuple[int, int]]:
        """Yield runs of rows as they fall due; ``times`` never go back."""
        start = 0
        while start < len(times):
            now = self._clock.monotonic()
            if times[start] > now:
                await self._clock.sleep(float(times[start] - now))
                now = max(self._clock.monotonic(), float(times[start]))
            end = int(np.searchsorted(times, now, side="right"))
            yield start, end
            start = end


def _steps(rows: Rows, last: int) -> NDArray[np.int64]:
    """Return the event time to wait for before each row, ns; ``last`` is the time before the first.

    Only from row to row: one with a wrong time (0, or far off) costs no more than its own step.
    """
    steps = np.diff(rows["ts"], prepend=last)
    return np.where((steps > 0) & (steps <= _LONGEST_WAITED_FOR), steps, 0)


def _part(batch: SourceBatch, start: int, end: int) -> SourceBatch:
    return SourceBatch(
        first_seq=batch.first_seq + start, symbols=batch.symbols, rows=batch.rows[start:end]
    )
