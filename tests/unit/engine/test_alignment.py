"""Rows wait for the references of their moment, and no longer than they must."""

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF, MINUTE
from whispr_daemon.engine.alignment import Waiting

SPY, NVDA, VIX = 0, 1, 2
REFS = np.array([SPY, VIX])


def bars(*found: tuple[int, int]) -> Rows:
    """Return bars of (minute, instrument)."""
    rows = empty_rows(len(found))
    rows["ts"] = [minute * MINUTE for minute, _ in found]
    rows["instrument"] = [instrument for _, instrument in found]
    rows["kind"], rows["timeframe"] = Kind.BAR, CODE_OF["1m"]
    return rows


class Desk:
    """Rows numbered as they come."""

    def __init__(self) -> None:
        self.waiting = Waiting(2.0)
        self.came = 0

    def come(
        self, now: float, *found: tuple[int, int], refs: NDArray[np.int64] = REFS
    ) -> list[int]:
        """Take bars in; return the numbers of those that need not wait."""
        seqs = np.arange(self.came + 1, self.came + len(found) + 1)
        self.came += len(found)
        self.waiting.add(bars(*found), seqs)
        return self.ask(now, refs=refs)

    def ask(self, now: float, *, over: bool = False, refs: NDArray[np.int64] = REFS) -> list[int]:
        """Return the numbers of those that need not wait."""
        rows, seqs = self.waiting.ready(refs, now, over=over)
        assert len(rows) == len(seqs)
        return seqs.tolist()


def test_where_nothing_is_referred_to_nothing_waits() -> None:
    desk = Desk()
    assert desk.come(0.0, (1, NVDA), refs=REFS[:0]) == [1]
    assert desk.waiting.deadline is None


def test_a_moment_waits_until_all_its_references_have_come() -> None:
    desk = Desk()
    assert desk.come(0.0, (1, NVDA), (1, SPY)) == []
    assert desk.waiting.deadline == 2.0
    assert desk.come(0.5, (1, VIX)) == [1, 2, 3]
    assert desk.waiting.deadline is None


def test_a_later_row_ends_the_wait_of_the_moment_before() -> None:
    desk = Desk()
    assert desk.come(0.0, (1, NVDA)) == []
    assert desk.come(1.0, (2, NVDA)) == [1]
    assert desk.waiting.deadline == 3.0


def test_no_moment_waits_longer_than_its_time() -> None:
    desk = Desk()
    assert desk.come(0.0, (1, NVDA)) == []
    assert desk.ask(1.9) == []
    assert desk.ask(2.0) == [1]
    assert desk.come(2.1, (1, SPY)) == []  # the rest of it waits anew
    assert desk.ask(4.1) == [2]


def test_a_late_reference_does_not_end_the_wait_of_a_newer_moment() -> None:
    desk = Desk()
    assert desk.come(0.0, (2, NVDA), (2, SPY), (1, VIX)) == []
    assert desk.come(0.1, (2, VIX)) == [1, 2, 3, 4]


def test_when_the_source_is_over_nothing_waits() -> None:
    desk = Desk()
    assert desk.come(0.0, (1, NVDA)) == []
    assert desk.ask(0.0, over=True) == [1]
