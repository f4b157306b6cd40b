"""Where the log's own clock ticks: pure, so that the same rows get the same ticks."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import NO_INSTRUMENT, Rows, empty_rows, inserted
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.moments import intraday
from whispr_daemon.domain.timeframe import MINUTE

_BAR: Final = int(Kind.BAR)  # numpy takes long to make a number of an enum
# A trade or quote may come so much later, in ns, than one that happened after it.
GRACE: Final = 1_500_000_000


def with_ticks(
    rows: Rows, seqs: NDArray[np.int64], ticked: int
) -> tuple[Rows, NDArray[np.int64], int]:
    """Insert a clock tick where event time enters a new minute.

    Before the first bar that ends later than minute M, daily ones apart, comes the tick of M, and
    before the first trade or quote that is later by more than :data:`GRACE`: what belongs to M is
    there. A tick has the number of the row that caused it, so it shares the row's fate on a resume.

    Args:
        rows: shape (n,).
        seqs: the source's number of each row, shape (n,).
        ticked: ns, the newest tick before these rows; 0 if there was none.

    Returns:
        rows and numbers with ticks, shape (n + ticks,), and the newest tick.
    """
    if not len(rows):
        return rows, seqs, ticked
    moves = intraday(rows)
    sure = rows["ts"] - 1 - np.where(rows["kind"] == _BAR, 0, GRACE)
    if int(sure.max(initial=0, where=moves)) < ticked + MINUTE:
        return rows, seqs, ticked
    minutes = np.where(moves, sure // MINUTE * MINUTE, 0)
    reached = np.maximum.accumulate(np.maximum(minutes, ticked))
    before = np.concatenate(([ticked], reached[:-1]))
    places = np.flatnonzero(reached > before)
    ticks = empty_rows(len(places))
    ticks["ts"], ticks["kind"] = reached[places], Kind.CLOCK
    ticks["instrument"] = NO_INSTRUMENT
    ticked = int(reached[-1])
    return inserted(rows, places, ticks), np.insert(seqs, places, seqs[places]), ticked
