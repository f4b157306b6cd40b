"""The vocabulary of expressions: what is evaluated, and what the language has and is yet to be."""

import re
from typing import Final

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

LATER_NAMES: Final = frozenset(
    [
        "vwap",
        "time",
        "date",
        "weekday",
        "minutes_since_open",
        "minutes_to_close",
        "bar_index",
        "is_rth",
        "is_half_day",
    ]
)
LATER_SPACES: Final = frozenset(
    ["session", "prev", "premarket", "opening_range", "position", "account", "orders", "ribbon"]
)
MODES: Final = ("day", "multiday", "swing", "position", "longterm", "scalp")

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
    spaces = ("atr", *sorted(LATER_SPACES))
    return (*PRICES, *RESERVED, *sorted(LATER_NAMES), *spaces, "ATR14", "EMA13", "RSI14", "SMA20")
