"""Bar lengths: their names in rules and files, their codes in rows, their nanoseconds."""

from typing import Final

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# The position in this tuple is the code stored in rows: append only, never reorder.
TIMEFRAMES: Final[tuple[tuple[str, int], ...]] = (
    ("", 0),  # no bar: a trade, a quote, a clock tick
    ("1s", SECOND),
    ("5s", 5 * SECOND),
    ("10s", 10 * SECOND),
    ("15s", 15 * SECOND),
    ("30s", 30 * SECOND),
    ("1m", MINUTE),
    ("2m", 2 * MINUTE),
    ("3m", 3 * MINUTE),
    ("5m", 5 * MINUTE),
    ("10m", 10 * MINUTE),
    ("15m", 15 * MINUTE),
    ("30m", 30 * MINUTE),
    ("1h", HOUR),
    ("2h", 2 * HOUR),
    ("4h", 4 * HOUR),
    ("1d", DAY),
    ("1w", 7 * DAY),
)
CODE_OF: Final[dict[str, int]] = {name: code for code, (name, _) in enumerate(TIMEFRAMES)}
NAME_OF: Final[tuple[str, ...]] = tuple(name for name, _ in TIMEFRAMES)
NANOS_OF: Final[tuple[int, ...]] = tuple(nanos for _, nanos in TIMEFRAMES)
DAILY: Final = CODE_OF["1d"]
