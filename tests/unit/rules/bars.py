"""Bars for tests, written down: times of day in New York, prices."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF, MINUTE

NEW_YORK = ZoneInfo("America/New_York")


def ns(day: str, clock: str) -> int:
    """Return ns UTC of a New York time of day."""
    local = datetime.fromisoformat(f"{day}T{clock}:00").replace(tzinfo=NEW_YORK)
    return int(local.timestamp()) * 1_000_000_000


def bar_rows(bars: Sequence[tuple[int, float, float, float, float]], timeframe: str = "1m") -> Rows:
    """Return rows of (end, open, high, low, close)."""
    rows = empty_rows(len(bars))
    rows["kind"] = Kind.BAR
    rows["timeframe"] = CODE_OF[timeframe]
    for row, (end, *prices) in zip(rows, bars, strict=True):
        row["ts"] = end
        row["open"], row["high"], row["low"], row["close"] = prices
    return rows


def close_rows(closes: Sequence[float | None], start: int) -> Rows:
    """Return 1-minute rows that begin at ``start``, each opening at the close before."""
    bars = []
    before = None
    for minute, close in enumerate(closes):
        if close is not None:
            first = close if before is None else before
            end = start + (minute + 1) * MINUTE
            bars.append((end, first, max(first, close), min(first, close), close))
            before = close
    return bar_rows(bars)
