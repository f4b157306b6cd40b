"""Where bars stand in the sessions of a calendar: date, neighbours, part of the session."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.timeframe import DAY, HOUR
from whispr_daemon.rules.columns.sessions import Sessions
from whispr_daemon.rules.rule import SessionFilter

WITHIN: Final = 1  # parts of the regular session
OPENS: Final = 2
CLOSES: Final = 4

_NOON: Final = 12 * HOUR
_EXTENDED: Final = (4 * HOUR, 20 * HOUR)  # exchange local time, of the extended session


class Location(NamedTuple):
    """Of each row; -1: in no session of the filter. All arrays are int64 of shape (n,)."""

    date: NDArray[np.int64]  # of the session, days from 1970-01-01
    before: NDArray[np.int64]  # date of the session before
    after: NDArray[np.int64]  # date of the session after
    part: NDArray[np.int64]  # of the regular session: 0 outside, WITHIN + OPENS + CLOSES
    number: NDArray[np.int64]  # of the session in its calendar
    first: NDArray[np.int64]  # ns UTC: where the session begins under the filter
    last: NDArray[np.int64]  # ns UTC: where it ends


def locate(
    sessions: Sessions, start: NDArray[np.int64], end: NDArray[np.int64], session: SessionFilter
) -> Location:
    """Locate bars, or trades (whose start is their end), by ns UTC."""
    regular = sessions.find(start)
    opens, closes = sessions.open[regular], sessions.close[regular]
    part = (regular >= 0) * (WITHIN + OPENS * (start == opens) + CLOSES * (end >= closes))
    if session == "rth":
        return located_in(sessions, regular, part, (opens, closes))
    day = sessions.local_day(start)
    midnight = sessions.local_midnight(day)
    if session == "eth":
        clock = start - midnight
        within = (clock >= _EXTENDED[0]) & (clock < _EXTENDED[1])
        index = np.where(within, sessions.on_date(day), -1)
        return located_in(sessions, index, part, (midnight + _EXTENDED[0], midnight + _EXTENDED[1]))
    # Round the clock: a day without a session belongs to the next one.
    found = sessions.date.searchsorted(day)
    index = np.where(found < len(sessions), found, -1)
    return located_in(sessions, index, part, (midnight, sessions.local_midnight(day + 1)))


def locate_days(sessions: Sessions, end: NDArray[np.int64]) -> Location:
    """Locate daily bars by their ends."""
    # Noon is on the right date however the source rounds midnight or DST moves it.
    index = sessions.on_date(sessions.local_day(end - DAY + _NOON))
    return located_in(
        sessions, index, np.zeros_like(index), (sessions.open[index], sessions.close[index])
    )


def located_in(
    sessions: Sessions,
    index: NDArray[np.int64],
    part: NDArray[np.int64],
    bounds: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Location:
    """Locate rows by the number of their session, -1: outside of all."""
    outside = index < 0
    last = len(sessions) - 1
    return Location(
        date=np.where(outside, -1, sessions.date[index]),
        before=np.where(index < 1, -1, sessions.date[index - 1]),
        after=np.where(outside | (index >= last), -1, sessions.date[np.minimum(index + 1, last)]),
        part=part,
        number=index,
        first=np.where(outside, -1, bounds[0]),
        last=np.where(outside, -1, bounds[1]),
    )
