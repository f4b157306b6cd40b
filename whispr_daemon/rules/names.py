"""The vocabulary of expressions: prices, the clock, sessions, the portfolio, the ladder."""

import re
from typing import Final

from whispr_daemon.rules.nodes import Mode, Type

PRICES: Final = {
    "price": "close",
    "close": "close",
    "open": "open",
    "high": "high",
    "low": "low",
    "volume": "volume",
    "hl2": "hl2",
    "hlc3": "hlc3",
    "ohlc4": "ohlc4",
}
RESERVED: Final = ("true", "false", "na")
SHORTHAND: Final = re.compile(
    r"^(EMA|SMA|WMA|RMA|HMA|RSI|ATR|ROC|STDEV|HIGHEST|LOWEST)(\d+)$", re.IGNORECASE
)
DEFAULT_LENGTH: Final = 14  # of a bare ATR
MAX_LENGTH: Final = 5000
_EXAMPLES: Final = ("ATR14", "EMA13", "RSI14", "SMA20")  # of shorthands

CLOCK: Final = {  # of the moment of evaluation
    "time": Type.TIME,  # minutes of the exchange's day
    "date": Type.NUM,  # of the exchange, 20260624; compares with '2026-06-24'
    "weekday": Type.NUM,  # Monday 1 to Sunday 7; compares with 'mon' or 'monday'
    "minutes_since_open": Type.NUM,
    "minutes_to_close": Type.NUM,
    "bar_index": Type.NUM,
    "is_rth": Type.BOOL,
    "is_half_day": Type.BOOL,
}
SESSIONS: Final = {  # what stands still during a session is a level
    "session.open": Type.LEVEL,
    "session.high": Type.NUM,
    "session.low": Type.NUM,
    "session.vwap": Type.NUM,
    "session.gap": Type.NUM,
    "prev.close": Type.LEVEL,
    "prev.high": Type.LEVEL,
    "prev.low": Type.LEVEL,
    "premarket.high": Type.LEVEL,
    "premarket.low": Type.LEVEL,
    "opening_range.high": Type.LEVEL,
    "opening_range.low": Type.LEVEL,
}
SIDES: Final = ("flat", "long", "short")  # what position.side counts into
PORTFOLIO: Final = {
    "position.side": Type.STR,
    "position.qty": Type.NUM,
    "position.avg_price": Type.NUM,
    "position.unrealized": Type.NUM,
    "position.bars_held": Type.NUM,
    "position.age": Type.DUR,
    "account.equity": Type.NUM,
    "account.daily_pnl": Type.NUM,
    "account.daily_pnl_pct": Type.NUM,
    "orders.open": Type.NUM,
}
SPACES: Final = frozenset(
    ["atr", *(name.partition(".")[0] for name in (*SESSIONS, *PORTFOLIO))]
)  # names with something behind a dot
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MODES: Final[tuple[Mode, ...]] = ("day", "multiday", "swing", "position", "longterm", "scalp")

# The ladder: what is written behind "atr." to the ratio; truncated and rounded spellings.
_FRACTIONS: Final = {"23": 0.236, "24": 0.236, "38": 0.382, "50": 0.5, "61": 0.618, "62": 0.618}
_UPPER: Final = {"78": 0.786, "79": 0.786}
LADDER: Final = {
    **_FRACTIONS,
    **_UPPER,
    "100": 1.0,
    **{
        str(whole * 100 + int(spelled)): round(whole + ratio, 3)
        for whole in (1, 2)
        for spelled, ratio in {**_FRACTIONS, **_UPPER}.items()
    },
    "200": 2.0,
    "300": 3.0,
}


def nearest_rung(written: str) -> str:
    """Return the ladder spelling closest to e.g. ``40`` or ``-40``: ``38`` or ``-38``."""
    sign = "-" if written.startswith("-") else ""
    number = int(written.lstrip("-"))
    return sign + min(LADDER, key=lambda rung: abs(int(rung) - number))


def mirrored(name: str, *, upper: bool) -> str:
    """Return how the level on the other side of the anchor is written; ``upper`` is this one's."""
    if "(" in name:
        base, ratio = name.rstrip(")").split("(")
        return f"{base}({-float(ratio):g})"
    side = "down" if upper else "up"
    head, _, last = name.rpartition(".")
    if last in ("up", "down"):
        return f"{head}.{side}"
    if last.lstrip("-").isdigit():
        return f"{head}.{last.removeprefix('-')}" if last.startswith("-") else f"{head}.-{last}"
    return f"{name}.{side}"


def known_names() -> tuple[str, ...]:
    """Return names worth suggesting for a mistyped one."""
    dotted = (*SESSIONS, *PORTFOLIO)
    return (*PRICES, *RESERVED, *CLOCK, *sorted(SPACES), *dotted, *_EXAMPLES)
