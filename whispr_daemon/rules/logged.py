"""Rules with a log at hand, for who folds rows outside of a daemon: after a split they learn."""

from collections.abc import Iterator, Mapping

import numpy as np

from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.evaluated import Evaluated
from whispr_daemon.rules.strategy import RulesStrategy


class Logged:
    """A strategy of rules; rows after a split are folded when it has learned the log up to it."""

    def __init__(self, strategy: RulesStrategy, log: Batch | None = None) -> None:
        """``log`` holds all rows that will come; None: it is what came so far."""
        self.strategy = strategy
        self._log = log
        self.past: list[Rows] = []

    def on_batch(self, batch: Batch) -> list[Output]:
        """Return the outputs of some rows."""
        said: list[Output] = []
        for part in _parts(batch):
            said += self.strategy.on_batch(part)
            self._learn(part)
        return said

    def traced(self, batch: Batch, name: str) -> list[tuple[str, Evaluated]]:
        """Fold rows in silence; return the verdicts on every clause of one rule, row by row."""
        found: list[tuple[str, Evaluated]] = []
        for part in _parts(batch):
            found += self.strategy.traced(part, name)
            self._learn(part)
        return found

    def snapshot(self) -> bytes:
        """Return all state of the strategy."""
        return self.strategy.snapshot()

    def restore(self, body: bytes) -> None:
        """Take a snapshot back."""
        self.strategy.restore(body)

    def warmup(self) -> Mapping[str, str]:
        """Return what each rule still waits for."""
        return self.strategy.warmup()

    def become(self, other: "Logged") -> None:
        """Go on where another one stands, whose rules are not quite the same."""
        self.restore(other.snapshot())
        self.past = list(other.past)

    def _learn(self, part: Batch) -> None:
        if self._log is None:
            self.past.append(part.rows)
        fresh = self.strategy.unlearned()
        if fresh is None:
            return
        rows = np.concatenate(self.past) if self._log is None else self._up_to(part.rows[-1])
        fresh.on_batch(Batch(rows, part.symbols))
        self.strategy.learn(fresh)

    def _up_to(self, split: np.void) -> Rows:
        """Return the rows of the log up to a split."""
        assert self._log is not None  # noqa: S101 (it is only asked then)
        rows = self._log.rows
        found = np.logical_and.reduce(
            [rows[field] == split[field] for field in ("kind", "ts", "instrument")]
        )
        return rows[: int(found.argmax()) + 1]


def _parts(batch: Batch) -> Iterator[Batch]:
    """Yield runs of rows, each but the last up to some splits and with them."""
    split = batch.rows["kind"] == Kind.SPLIT
    ends = np.flatnonzero(split & ~np.append(split[1:], [False])) + 1
    for rows in np.split(batch.rows, ends):
        if len(rows):
            yield Batch(rows, batch.symbols)
