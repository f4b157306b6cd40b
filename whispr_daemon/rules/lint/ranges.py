"""Between what a value lies, whatever the market does."""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from whispr_daemon.rules.nodes import (
    Arithmetic,
    AsOf,
    Call,
    ClockValue,
    Const,
    Forming,
    LevelValue,
    Named,
    Negative,
    Node,
    Parameter,
    PortfolioValue,
    Price,
    Said,
    Series,
)
from whispr_daemon.rules.tree import constant_value


class Range(NamedTuple):
    """Where a value lies, both ends included; it may be na besides."""

    low: float = -math.inf
    high: float = math.inf


ANY: Final = Range()
_PERCENT: Final = Range(0.0, 100.0)
_POSITIVE: Final = Range(0.0)
_SERIES: Final = {
    "rsi": _PERCENT,
    "atr": _POSITIVE,
    "tr": _POSITIVE,
    "stdev": _POSITIVE,
    "meandev": _POSITIVE,
    "supertrend_dir": Range(-1.0, 1.0),
}
_DEFINED: Final = {  # by what is made of others: the function and its part
    "stoch.k": _PERCENT,
    "stoch.d": _PERCENT,
    "mfi": _PERCENT,
    "adx": _PERCENT,
    "di_plus": _PERCENT,
    "di_minus": _PERCENT,
    "bb.width": _POSITIVE,
}
_GIVEN: Final = {
    "volume": _POSITIVE,
    "atr": _POSITIVE,  # of levels: the ATR used
    "pct": _POSITIVE,
    "position.bars_held": _POSITIVE,
    "position.age": _POSITIVE,
    "orders.open": _POSITIVE,
    "bar_index": _POSITIVE,
    "weekday": Range(1.0, 7.0),
    "time": Range(0.0, 24 * 60 - 1.0),
}
_CALLS: Final = {
    "abs": _POSITIVE,
    "sqrt": _POSITIVE,
    "exp": _POSITIVE,
    "sign": Range(-1.0, 1.0),
    "bars_since": _POSITIVE,
}
_WITHIN_SOURCE: Final = ("ema", "sma", "rma", "wma", "hist", "highest", "lowest")


def range_of(node: Node) -> Range:  # noqa: C901 (one case a node)
    """Return where the value of a number lies, as far as that can be said."""
    match node:
        case Const(value=value) | Parameter(value=value):
            return ANY if math.isnan(value) else Range(value, value)
        case Named(name=name, node=inner, built_in=True):
            return _DEFINED.get(_called(name)) or range_of(inner)
        case AsOf(node=inner) | Forming(node=inner) | Named(node=inner):
            return range_of(inner)
        case Series(function=function, source=source):
            within = function in _WITHIN_SOURCE and source is not None
            return range_of(source) if within and source else _SERIES.get(function, ANY)
        case Price(field=name) | ClockValue(name=name) | PortfolioValue(name=name):
            return _GIVEN.get(name, ANY)
        case LevelValue(name=name):
            return _GIVEN.get(name, ANY)
        case Said():
            return _POSITIVE
        case Call():
            return _of_call(node)
        case Negative(operand=operand):
            inner_range = range_of(operand)
            return Range(-inner_range.high, -inner_range.low)
        case Arithmetic(op=op, left=left, right=right):
            return _combined(op, range_of(left), range_of(right))
        case _:
            return ANY


def _called(name: str) -> str:
    """Return ``stoch.k`` of ``stoch(14, 3, 3).k``."""
    head, _, rest = name.partition("(")
    return head + rest.rpartition(")")[2]


def _of_call(node: Call) -> Range:
    ranges = [range_of(argument) for argument in node.arguments]
    lows, highs = [one.low for one in ranges], [one.high for one in ranges]
    match node.function:
        case "min":
            return Range(min(lows), min(highs))
        case "max":
            return Range(max(lows), max(highs))
        case "clamp":
            return Range(lows[1], highs[2])
        case "nz":
            return Range(min(lows), max(highs))
        case "if":
            return Range(min(lows[1:]), max(highs[1:]))
        case "value_when":
            return ranges[1]
        case "count_true":
            return Range(0.0, constant_value(node.arguments[1]) or math.inf)
        case _:
            return _CALLS.get(node.function, ANY)


def _combined(op: str, left: Range, right: Range) -> Range:
    operations: dict[str, Callable[[float, float], float]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
    }
    if op not in operations:
        return ANY
    ends = [operations[op](a, b) for a in left for b in right]
    return ANY if any(map(math.isnan, ends)) else Range(min(ends), max(ends))
