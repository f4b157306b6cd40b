"""Rows of one time, taken together: where the newest begins, and references before the others."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import DAY, NANOS_OF

_SHORT: Final = np.array(NANOS_OF) < DAY  # by length
_BESIDE: Final = np.isin(np.arange(256), (Kind.SPLIT, Kind.CORRECTION))  # by kind, a byte


def newest_moment(rows: Rows) -> int:
    """Return the index from which on intraday time moves no further: there may be more to come.

    That of a run of daily bars alone is the number of rows: they are history, none waits. Nor does
    a split: it comes before what it is about.
    """
    moves = intraday(rows)
    if not moves.any():
        return len(rows)
    ts = np.where(moves, rows["ts"], 0)
    return int(np.argmax(ts))  # the first of the latest


def references_first(rows: Rows, reference: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the order in which the rows of each moment have the references first, shape (n,).

    A moment is a run of rows over which intraday time moves no further, or of daily bars of one
    day, or of splits; a correction of a bar is of the moment in which it comes. Within it the rows
    keep their order otherwise.

    Args:
        rows: shape (n,), clock ticks among them.
        reference: which rows other symbols refer to, shape (n,).
    """
    moves = intraday(rows)
    reached = np.maximum.accumulate(np.where(moves, rows["ts"], 0))
    time = np.where(moves, reached, rows["ts"])
    place = np.where(rows["kind"] == Kind.CORRECTION, 0, np.arange(len(rows)))
    time = time[np.maximum.accumulate(place)]
    moment = np.cumsum(np.diff(time, prepend=time[:1]) != 0)
    return np.lexsort((~reference, moment))  # stable


def intraday(rows: Rows) -> NDArray[np.bool_]:
    """Return which rows move intraday time, shape (n,).

    Neither daily bars do, nor splits, nor corrections of bars.
    """
    # A length that does not exist is refused later on; here it only must not fail.
    known = np.minimum(rows["timeframe"], len(_SHORT) - 1)
    found: NDArray[np.bool_] = _SHORT[known] & ~_BESIDE[rows["kind"]]
    return found
