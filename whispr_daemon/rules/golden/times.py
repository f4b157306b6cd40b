"""Times of a test: exchange-local dates and times of day, to ns UTC and back."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from whispr_daemon.domain.timeframe import CODE_OF, DAILY, NANOS_OF, SECOND
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.sessions import Sessions, day_of, days_since_epoch
from whispr_daemon.rules.rule import Rule

A_WEDNESDAY: Final = date(2026, 6, 24)
OPEN: Final = time(9, 30)
EARLIEST: Final = 1971  # calendars begin in 1970
LATEST: Final = 2059

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?")


class RuleClock(NamedTuple):
    """The clock of a rule under test."""

    sessions: Sessions
    zone: ZoneInfo
    timeframe: str
    regular: bool  # only bars of the regular session count

    @property
    def length(self) -> int:
        """The length of a bar, ns."""
        return NANOS_OF[CODE_OF[self.timeframe]]

    @property
    def daily(self) -> bool:
        """Is a bar a day?"""
        return CODE_OF[self.timeframe] == DAILY

    def ns(self, day: date, moment: time) -> int:
        """Return ns UTC of an exchange-local date and time."""
        local = datetime.combine(day, moment, self.zone)
        whole = int(local.replace(microsecond=0).timestamp())
        return whole * SECOND + local.microsecond * 1_000

    def local(self, ts: int) -> datetime:
        """Return ns UTC as exchange-local time, to the microsecond."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts // 1000)
        return moment.astimezone(self.zone)

    def day_end(self, day: date) -> int:
        """Return ns UTC of the end of a daily bar: the midnight after."""
        return self.ns(day + timedelta(days=1), time(0))

    def next_session(self, day: date) -> date:
        """Return the first date with a session after ``day``."""
        dates = self.sessions.date
        place = int(dates.searchsorted(days_since_epoch(day), side="right"))
        return day_of(int(dates[min(place, len(dates) - 1)]))

    def starts(self, day: date, moment: time, count: int) -> list[int]:
        """Return the starts of ``count`` bars in a row, ns UTC.

        Bars of the regular session go on with the next one after its close; daily bars are those
        of sessions.
        """
        if self.daily:
            return self._days(day, count)
        found: list[int] = []
        start = self.ns(day, moment)
        close = self._close(day, start)
        for _ in range(count):
            if close is not None and start >= close:
                day = self.next_session(day)
                session = next(self.sessions.sessions_between(day, day))
                start, close = session.open, session.close
            found.append(start)
            start += self.length
        return found

    def _days(self, day: date, count: int) -> list[int]:
        found = []
        for _ in range(count):
            found.append(self.ns(day, time(0)))
            day = self.next_session(day)
        return found

    def _close(self, day: date, start: int) -> int | None:
        """Return when the session ends that the first bar is in; None: it is in none."""
        if not self.regular:
            return None
        for session in self.sessions.sessions_between(day, day):
            if session.open <= start < session.close:
                return session.close
        return None


def clock_of(rule: Rule) -> RuleClock:
    """Return the clock that a rule's tests are written in."""
    inputs = rule.inputs
    sessions = calendar(inputs.calendar or "XNYS")
    zone = ZoneInfo(getattr(inputs, "timezone", "") or sessions.timezone)
    return RuleClock(sessions, zone, inputs.timeframe, inputs.session == "rth")


def read_date(text: str) -> date | None:
    """Return ``2026-06-24`` as a date, None if it is none that calendars know."""
    if not _DATE.fullmatch(text):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if EARLIEST <= found.year <= LATEST else None


def read_time(text: str) -> time | None:
    """Return ``09:30``, ``09:30:15`` or ``09:30:15.250`` as a time of day, None if it is none."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def read_moment(text: str, day: date) -> tuple[date, time] | None:
    """Return ``09:36`` (of ``day``) or ``2026-06-24 09:36``, None if it is neither."""
    first, space, second = text.strip().replace("T", " ").partition(" ")
    found = read_date(first) if space else day
    moment = read_time(second if space else first)
    return None if found is None or moment is None else (found, moment)
