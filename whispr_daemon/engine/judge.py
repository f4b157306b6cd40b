"""Lets good rows through and buries the others, each with its number and the reason."""

from collections.abc import Mapping

import numpy as np
import structlog
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows, chosen, copied
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.gate import Gate
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.retry import Persist
from whispr_daemon.ports.metrics import ROWS_CORRECTED, ROWS_REFUSED, Metrics
from whispr_daemon.ports.source import Source
from whispr_daemon.ports.store import DeadLetter, Store


class Judge:
    """The gate of one source."""

    def __init__(self, source: Source, store: Store, persist: Persist, metrics: Metrics) -> None:
        """It knows of no rows before."""
        self._source, self._store, self._persist, self._metrics = source, store, persist, metrics
        self._gate = Gate()
        self.refused = 0  # rows put aside since the start
        self._journal = structlog.get_logger("whispr.ingest").bind(source=source.name)

    def memory(self) -> dict[str, int]:
        """Return what must survive a restart for the same rows to be refused again."""
        return self._gate.memory()

    def remember(self, memory: Mapping[str, int]) -> None:
        """Go on from a :meth:`memory`."""
        self._gate = Gate(memory)

    async def accepted(
        self, rows: Rows, seqs: NDArray[np.int64], names: Mapping[int, str]
    ) -> tuple[Rows, NDArray[np.int64]]:
        """Return the rows that may enter, with their numbers; the others are durable dead letters.

        Bars that only correct history are marked so. ``names`` are those of the instruments, by
        code.
        """
        accepted, corrections, refusals = self._gate.inspect(rows, names)
        if refusals:
            letters = [
                DeadLetter(
                    source=self._source.name,
                    seq=int(seqs[refusal.index]),
                    reason=refusal.reason,
                    detail=f"{self._source.describe(int(seqs[refusal.index]))}: {refusal.detail}",
                )
                for refusal in refusals
            ]
            crash_here("before_bury")
            await self._persist("bury", lambda: self._store.bury(letters))
            crash_here("after_bury")
            self.refused += len(letters)
            for letter in letters:
                self._metrics.count(ROWS_REFUSED, 1, self._source.name, letter.reason)
            self._journal.warning("rows refused", rows=len(letters), first=letters[0].detail)
        if corrections.any():
            rows = copied(rows)
            rows["kind"][corrections] = Kind.CORRECTION
            first = self._source.describe(int(seqs[corrections][0]))
            count = int(corrections.sum())
            self._metrics.count(ROWS_CORRECTED, count, self._source.name)
            self._journal.warning("bars of the past corrected", rows=count, first=first)
        return chosen(rows, accepted), seqs[accepted]
