"""Durations and timeframes as they are written: ``30m``, ``3bars``, ``@5m``, ``@3mo``."""

import re
from typing import Final

from whispr_daemon.domain.timeframe import DAY, HOUR, MINUTE, SECOND

MOST: Final = 100 * 366 * DAY  # longer is a slip of the pen

_WRITTEN: Final = re.compile(r"([0-9]{1,18})(ms|s|mo|m|h|d|w|bars?)")
_UNITS: Final = {
    "ms": SECOND // 1000,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
    "mo": 30 * DAY,  # as a duration; as a timeframe it is the calendar's
}
_CALENDAR: Final = re.compile(r"(1d|1w|[1-9][0-9]?mo)")
_MONTHS: Final = ("1mo", "2mo", "3mo", "4mo", "6mo", "12mo")


class PeriodRefusedError(Exception):
    """A duration or a timeframe that is none; the message says why."""


def nanos(written: str, timeframe: str) -> int:
    """Return the ns of a duration; a bar is one of ``timeframe``, a month has 30 days.

    Raises:
        PeriodRefusedError: it is no duration, or one of more than 100 years.
    """
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise PeriodRefusedError(f"{written!r} is not a duration such as 30m")
    count, unit = int(found[1]), found[2]
    value = count * (nanos(timeframe, "") if unit.startswith("bar") else _UNITS[unit])
    if value > MOST:
        raise PeriodRefusedError(f"{written} is longer than 100 years")
    return value


def timeframe(written: str, base: str) -> str:
    """Return the name of a timeframe that bars of ``base`` add up to: ``60m`` is ``1h``.

    Raises:
        PeriodRefusedError: they do not, or it is no timeframe.
    """
    if _CALENDAR.fullmatch(written):
        if written.endswith("mo") and written not in _MONTHS:
            known = ", ".join(_MONTHS)
            raise PeriodRefusedError(f"@{written} is not a timeframe (months: {known})")
        return written
    length, own = nanos(written, base), nanos(base, "")
    if length == own:
        return base
    if length >= DAY:
        raise PeriodRefusedError(f"@{written} is not a timeframe (beyond hours: 1d, 1w, 1mo …)")
    if length == 0 or length % own:
        message = f"@{written} is not made of whole bars of the rule's timeframe, {base}"
        raise PeriodRefusedError(message)
    for unit, of in (("h", HOUR), ("m", MINUTE)):
        if length % of == 0:
            return f"{length // of}{unit}"
    return f"{length // SECOND}s"
