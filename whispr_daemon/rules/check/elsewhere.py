"""What other languages call things, and how they are said here: hints behind unknown words."""

from typing import Final

_PREFIXES: Final = {
    "ta": "functions stand without 'ta.': crossover(a, b), ema(close, 20)",
    "math": "functions stand without 'math.': abs(x), max(a, b)",
    "talib": "functions stand alone: ema(close, 20)",
    "strategy": "the position is position.qty, position.side, position.avg_price",
    "request": "another timeframe is EMA13@5m, another symbol inputs.refs",
    "security": "another timeframe is EMA13@5m, another symbol inputs.refs",
    "input": "write params: {length: 20} and $length",
    "syminfo": "the instruments are inputs.symbols",
    "barstate": "a rule is evaluated at the close of each bar; evaluate: tick at each trade",
    "timenow": "write time >= 09:45, or minutes_since_open",
    "hour": "write time >= 10:00, or between(time, 10:00, 10:59)",
    "minute": "write minutes_since_open, or time >= 09:45",
    "dayofweek": "write weekday == 'fri'",
    "last": "write price, or close[1] for the bar before",
    "prev_close": "write prev.close for the session before, close[1] for the bar before",
    "null": "write na",
    "none": "write na",
    "nan": "write na",
}
_FUNCTIONS: Final = {
    "avg": "sma",
    "average": "sma",
    "mean": "sma",
    "ma": "sma",
    "std": "stdev",
    "iff": "if",
    "where": "if",
    "lag": "close[1]",
    "shift": "close[1]",
    "prev": "close[1]",
    "ref": "close[1]",
    "isna": "na",
    "isnan": "na",
}


def name_elsewhere(word: str) -> str:
    """Return `` (how it is said here)`` of a name that other languages have, or nothing."""
    found = _PREFIXES.get(word.lower())
    return f" ({found})" if found else ""


def function_elsewhere(word: str) -> str:
    """Return `` (did you mean 'sma'?)`` of a function that other languages have, or nothing."""
    found = _FUNCTIONS.get(word.lower())
    return f" (did you mean {found!r}?)" if found else ""
