"""The clock on the wall of a rule's exchange."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.sessions import day_of, days_since_epoch
from whispr_daemon.rules.rule import Rule


def time_of_day(local: datetime) -> str:
    """Return ``09:36``, ``09:36:05`` or ``09:36:05.250``: as much as there is to say."""
    if not local.microsecond:
        return f"{local:%H:%M:%S}".removesuffix(":00")
    thousandths, rest = divmod(local.microsecond, 1_000)
    return f"{local:%H:%M:%S.%f}" if rest else f"{local:%H:%M:%S}.{thousandths:03d}"


class Where(NamedTuple):
    """The clock on the wall of a rule's exchange."""

    zone: ZoneInfo
    calendar: str

    def local(self, ts: int) -> datetime:
        """Return ns UTC as exchange-local time."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts // 1000)
        return moment.astimezone(self.zone)

    def iso(self, ts: int) -> str:
        """Return ``2026-06-24T09:36:00-04:00``, of trades with as many digits as there are."""
        local = self.local(ts)
        whole = local.microsecond % 1_000 == 0
        return local.isoformat(timespec="milliseconds" if local.microsecond and whole else "auto")

    def clock(self, ts: int) -> str:
        """Return ``09:36``, with seconds and their parts where there are some."""
        return time_of_day(self.local(ts))

    def late_bar(self, end: int, ts: int) -> str:
        """Return the note on a value of another symbol whose last bar ended before it was due.

        Both are ns UTC; ``ts`` is the evaluation's.
        """
        day = "" if self.local(end).date() == self.local(ts).date() else f"{self.local(end):%F} "
        return f"last bar ended {day}{self.clock(end)}, late"

    def session_before(self, ts: int) -> str:
        """Return the date of the session before that of ``ts``."""
        dates = calendar(self.calendar).date
        place = int(dates.searchsorted(days_since_epoch(self.local(ts).date())))
        return day_of(int(dates[place - 1])).isoformat() if place else ""


def where_of(rule: Rule, default: str = "XNYS") -> Where:
    """Return where a rule's exchange is; ``default`` is the calendar of those that do not say."""
    name = rule.inputs.calendar or default
    return Where(ZoneInfo(calendar(name).timezone), name)
