"""The vocabulary of expressions: what is evaluated, and what the language has and is yet to be."""

import re
from typing import Final, NamedTuple

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
INDICATORS: Final = ("ema", "sma", "rma", "rsi", "atr")
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


class Function(NamedTuple):
    """How many arguments a function takes."""

    least: int
    most: int


FUNCTIONS: Final = {
    "cross": Function(2, 2),
    "cross_up": Function(2, 2),
    "cross_down": Function(2, 2),
    "abs": Function(1, 1),
    "min": Function(2, 16),
    "max": Function(2, 16),
    "ema": Function(2, 2),
    "sma": Function(2, 2),
    "rma": Function(2, 2),
    "rsi": Function(2, 2),
    "atr": Function(1, 1),
    "tr": Function(0, 0),
}
LATER_FUNCTIONS: Final = frozenset(
    [
        "adx",
        "all_true",
        "any_true",
        "bars_since",
        "bb",
        "between",
        "cci",
        "ceil",
        "change",
        "clamp",
        "compressed",
        "count",
        "count_true",
        "crossover",
        "crossunder",
        "di_minus",
        "di_plus",
        "donchian",
        "emitted",
        "exp",
        "falling",
        "floor",
        "forming",
        "highest",
        "hma",
        "if",
        "keltner",
        "log",
        "lowest",
        "macd",
        "mfi",
        "mod",
        "mom",
        "na",
        "nz",
        "obv",
        "pct_change",
        "po",
        "rising",
        "roc",
        "round",
        "sign",
        "since",
        "sqrt",
        "stdev",
        "stoch",
        "supertrend",
        "sym_ok",
        "touch",
        "touch_new",
        "value_when",
        "vwap",
        "vwma",
        "wma",
    ]
)

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


def known_names() -> tuple[str, ...]:
    """Return names worth suggesting for a mistyped one."""
    spaces = ("atr", *sorted(LATER_SPACES))
    return (*PRICES, *RESERVED, *sorted(LATER_NAMES), *spaces, "ATR14", "EMA13", "RSI14", "SMA20")
