"""Weeks, months, quarters and years: which a date is in, and their bars made of daily ones."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.columns.making import WHOLE_BAR, Gathered
from whispr_daemon.rules.functions.folds import State

# State of a slot.
OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
VOLUME: Final = 4
PERIOD_FLOATS: Final = 5
START: Final = 0  # of the period's first bar; 0: no period is in the making
END: Final = 1  # of its last so far
PERIOD: Final = 2
WHOLE: Final = 3  # 1: its first session is in it
PERIOD_INTS: Final = 4

_MONTHS: Final = {"1mo": 1, "3mo": 3, "12mo": 12}


def period_of(date: NDArray[np.int64], timeframe: str) -> NDArray[np.int64]:
    """Return a number for the week (Monday to Sunday) or months a date is in; it grows.

    ``date`` counts days from 1970-01-01, a Thursday; ``timeframe`` is 1d, 1w, 1mo, 3mo or 12mo.
    """
    if timeframe == "1d":
        return date
    if timeframe == "1w":
        return (date + 3) // 7
    months = date.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    found: NDArray[np.int64] = months // _MONTHS[timeframe]
    return found


def in_periods(
    days: Gathered, dates: tuple[list[int], list[int], list[int]], state: State
) -> Gathered:
    """Make bars of periods of daily bars.

    A period is complete with its last session's bar, else just before the next period's first. One
    whose first session was not seen makes no bar. ``dates`` has the period of each bar's session,
    of the session before and of the one after.
    """
    period, before, after = dates
    out = Gathered([], [], [], [], [], [], [], [], [], [])
    floats, ints = state
    for r in range(len(days.order)):
        if days.role[r] != WHOLE_BAR:
            continue
        s = days.slot[r]
        f, i = s * PERIOD_FLOATS, s * PERIOD_INTS
        if ints[i + START] and ints[i + PERIOD] != period[r]:
            _complete(state, s, days.order[r], out)
        if ints[i + START] == 0:
            ints[i + START] = days.start[r]
            ints[i + PERIOD] = period[r]
            ints[i + WHOLE] = 1 if before[r] != period[r] else 0
            floats[f + OPEN] = days.open[r]
            floats[f + HIGH] = days.high[r]
            floats[f + LOW] = days.low[r]
            floats[f + VOLUME] = 0.0
        ints[i + END] = days.end[r]
        floats[f + HIGH] = max(floats[f + HIGH], days.high[r])
        floats[f + LOW] = min(floats[f + LOW], days.low[r])
        floats[f + CLOSE] = days.close[r]
        floats[f + VOLUME] += days.volume[r]
        if after[r] != period[r]:
            _complete(state, s, days.order[r], out)
    return out


def _complete(state: State, s: int, order: int, out: Gathered) -> None:
    floats, ints = state
    f, i = s * PERIOD_FLOATS, s * PERIOD_INTS
    if ints[i + WHOLE]:
        bar = [floats[f + place] for place in range(PERIOD_FLOATS)]
        where = (order, s, WHOLE_BAR, ints[i + START], ints[i + END])
        columns: Sequence[Any] = out
        for column, value in zip(columns, (*where, *bar), strict=True):
            column.append(value)
    ints[i + START] = 0
