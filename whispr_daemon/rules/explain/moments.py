"""A moment as people say it: ``09:36``, ``09:36:05.250``, ``2026-06-24 09:36``, ISO 8601."""

import re
from datetime import UTC, datetime, time
from typing import Final

from whispr_daemon.domain.timeframe import SECOND
from whispr_daemon.rules.explain.where import Where

_CLOCK: Final = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?")


def moment(text: str, where: Where, last: int) -> int | None:
    """Return ns UTC of what was said, None if it says no moment.

    A time of day is of the exchange's date of ``last`` (ns UTC); without an offset it is the
    exchange's time.
    """
    said = text.strip()
    try:
        if _CLOCK.fullmatch(said):
            local = datetime.combine(where.local(last).date(), time.fromisoformat(said), where.zone)
        else:
            local = datetime.fromisoformat(said)
            if local.tzinfo is None:
                local = local.replace(tzinfo=where.zone)
    except ValueError:
        return None
    whole = int(local.replace(microsecond=0).astimezone(UTC).timestamp())
    return whole * SECOND + local.microsecond * 1_000
