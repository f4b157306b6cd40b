"""Values of other symbols whose bar had not come when they were read: the last one is older."""

from typing import Final

import numpy as np

from whispr_daemon.domain.timeframe import DAY, HOUR
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.location import Location, locate
from whispr_daemon.rules.columns.sessions import Sessions
from whispr_daemon.rules.nodes import AsOf
from whispr_daemon.rules.settings import RuleSettings

_NOON: Final = 12 * HOUR


class Reference:
    """The last completed bars of another symbol, and which of them there should be."""

    def __init__(self, node: AsOf, clock: Clock, settings: RuleSettings) -> None:
        """``node`` is read at the rows of a clock."""
        self._clock = clock
        self._other = clock._replace(timeframe=node.timeframe)
        by_symbol = settings.calendars.get(node.symbol, settings.calendar)
        self._calendar = clock.calendar or by_symbol

    def late(self, ended: int, ts: int) -> bool:
        """Is a bar that ended then not the last that was complete at a time?

        Both are ns UTC. Only sessions count: the bar before the first of a day is the last of the
        session before. Nothing is known of bars longer than a day, nor of who reads at such.
        """
        if ended >= ts or max(self._other.length, self._clock.length) > DAY:
            return False
        sessions = calendar(self._calendar)
        if self._other.length == DAY:
            return self._day_lacks(sessions, ended, ts)
        now, then = self._at(sessions, ts), self._at(sessions, ended)
        first, last, number = (int(one[0]) for one in (now.first, now.last, now.number))
        whole = (ts - first) // self._other.length * self._other.length
        if number >= 0 and (whole or ts == last):
            return ended < (last if ts == last else first + whole)
        before = number - 1 if number >= 0 else int(np.searchsorted(sessions.open, ts)) - 1
        mine = int(then.number[0])
        return mine < before or (mine == before and ended < int(then.last[0]))

    def _at(self, sessions: Sessions, ts: int) -> Location:
        """Locate the moment just before a time: a bar that ends with a session is of it."""
        moment = np.array([ts - 1], dtype=np.int64)
        return locate(sessions, moment, moment, self._clock.session)

    def _day_lacks(self, sessions: Sessions, ended: int, ts: int) -> bool:
        """Is there a session after the day of a bar, and before the date of a time?

        Where days are evaluated, that of the evaluation is among them.
        """
        daily = self._clock.length == DAY
        given = [ended - DAY + _NOON, ts - DAY + _NOON if daily else ts - 1]
        of, today = sessions.local_day(np.array(given, dtype=np.int64)).tolist()
        first, end = np.searchsorted(sessions.date, [of + 1, today + daily]).tolist()
        return bool(first < end)
