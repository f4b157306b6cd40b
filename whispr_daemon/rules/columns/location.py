"""Where bars stand in the sessions of a calendar: their date, the one before, their part of it."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.timeframe import DAY, HOUR
from whispr_daemon.rules.columns.sessions import Sessions
from whispr_daemon.rules.rule import SessionFilter

_NOON: Final = 12 * HOUR
_EXTENDED: Final = (4 * HOUR, 20 * HOUR)  # exchange local time, of the extended session


class Location(NamedTuple):
    """Of each bar; -1: in no session. All arrays have shape (n,)."""

    date: NDArray[np.int64]  # of the session, days from 1970-01-01
    before: NDArray[np.int64]  # date of the session before
    part: NDArray[np.int64]  # see levels.Days


def locate(
    sessions: Sessions, end: NDArray[np.int64], length: int, session: SessionFilter
) -> Location:
    """Locate bars of ``length`` ns by their ends, ns UTC."""
    start = end - length
    regular = sessions.find(start)
    opens, closes = sessions.open[regular], sessions.close[regular]
    part = (regular >= 0) * (1 + 2 * (start == opens) + 4 * (end >= closes))
    if session == "rth":
        return _dated(sessions, regular, part)
    day = sessions.local_day(start)
    if session == "eth":
        clock = start - sessions.local_midnight(day)
        within = (clock >= _EXTENDED[0]) & (clock < _EXTENDED[1])
        return _dated(sessions, np.where(within, sessions.on_date(day), -1), part)
    # Round the clock: a day without a session belongs to the next one.
    index = sessions.date.searchsorted(day)
    return _dated(sessions, np.where(index < len(sessions), index, -1), part)


def locate_days(sessions: Sessions, end: NDArray[np.int64]) -> Location:
    """Locate daily bars by their ends."""
    # Noon is on the right date however the source rounds midnight or DST moves it.
    index = sessions.on_date(sessions.local_day(end - DAY + _NOON))
    return _dated(sessions, index, np.zeros_like(index))


def _dated(sessions: Sessions, index: NDArray[np.int64], part: NDArray[np.int64]) -> Location:
    date = np.where(index < 0, -1, sessions.date[index])
    before = np.where(index < 1, -1, sessions.date[index - 1])
    return Location(date, before, part)
