"""Rows that came and wait for the references of their moment; nothing of them counts as taken."""

from collections.abc import Callable, Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows, empty_rows, joined
from whispr_daemon.domain.moments import newest_moment
from whispr_daemon.domain.value import Value

ALIGN_WAIT: Final = 2.0  # seconds


def no_references(_body: bytes) -> Collection[str]:
    """Return no symbols: of a change that refers to none."""
    return ()


class Alignment(Value, frozen=True, kw_only=True):
    """What other symbols refer to, and how long it is waited for."""

    refs_of: Callable[[bytes], Collection[str]] = no_references  # of a change's body
    wait: float = ALIGN_WAIT  # seconds of the wall clock


class Waiting:
    """Rows in the order of the source. Their newest moment is held until its references are there.

    So the log has them before the others of that moment, and nobody who evaluates ever waits. A
    moment is whole when a later row has come, or all references have, or its time is up.
    """

    def __init__(self, patience: float) -> None:
        """``patience`` is in seconds, from the first row of a moment on."""
        self._patience = patience
        self._parts: list[tuple[Rows, NDArray[np.int64]]] = []
        self._moment = 0  # ns, the one that is held
        self.deadline: float | None = None  # when what is held is let go, monotonic seconds

    def add(self, rows: Rows, seqs: NDArray[np.int64]) -> None:
        """Take rows in, unjudged, with their numbers in the source, shapes (n,)."""
        if len(rows):
            self._parts.append((rows, seqs))

    def ready(
        self, awaited: NDArray[np.int64], now: float, *, over: bool
    ) -> tuple[Rows, NDArray[np.int64]]:
        """Return the rows that need not wait any longer; they are no longer here.

        Args:
            awaited: codes of the references that the source has, shape (m,).
            now: monotonic seconds.
            over: whether the source has no more rows.
        """
        if not self._parts:
            self.deadline = None
            return empty_rows(0), np.zeros(0, dtype=np.int64)
        rows = joined([rows for rows, _ in self._parts])
        seqs = np.concatenate([seqs for _, seqs in self._parts])
        count = len(rows) if over or not len(awaited) else self._whole(rows, awaited, now)
        self._parts.clear()
        if count < len(rows):
            self._parts.append((rows[count:], seqs[count:]))
        else:
            self.deadline = None
        return rows[:count], seqs[:count]

    def _whole(self, rows: Rows, awaited: NDArray[np.int64], now: float) -> int:
        """Return how many rows are of moments that are whole."""
        begin = newest_moment(rows)
        if begin == len(rows):
            return begin
        newest = rows[begin:]
        moment = int(newest["ts"][0])
        if self.deadline is None or moment != self._moment:
            self._moment, self.deadline = moment, now + self._patience
        here = newest["instrument"][newest["ts"] == moment]
        complete = now >= self.deadline or bool(np.isin(awaited, here).all())
        return len(rows) if complete else begin
