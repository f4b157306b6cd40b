"""Between what a value lies, and what that says of a condition: it can never be true."""

import math
from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

from whispr_daemon.rules.nodes import (
    Arithmetic,
    AsOf,
    Call,
    ClockValue,
    Compare,
    Const,
    Forming,
    Logic,
    Named,
    Negative,
    Node,
    Not,
    Parameter,
    Said,
    Series,
    Type,
)
from whispr_daemon.rules.tree import canonical

Verdict: TypeAlias = Literal[-1, 0, 1]  # never true, cannot say, true unless na


class Range(NamedTuple):
    """Where a value lies, both ends included; it may be na besides."""

    low: float = -math.inf
    high: float = math.inf


ANY: Final = Range()
_PERCENT: Final = Range(0.0, 100.0)
_POSITIVE: Final = Range(0.0)
_SERIES: Final = {
    "rsi": _PERCENT,
    "mfi": _PERCENT,
    "atr": _POSITIVE,
    "tr": _POSITIVE,
    "stdev": _POSITIVE,
    "meandev": _POSITIVE,
}
_WITHIN_SOURCE: Final = ("ema", "sma", "rma", "wma", "hist", "highest", "lowest")
_CLOCK: Final = {"weekday": Range(1.0, 7.0), "time": Range(0.0, 24 * 60 - 1.0)}
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def range_of(node: Node) -> Range:
    """Return where the value of a number lies, as far as that can be said."""
    match node:
        case Const(value=value) | Parameter(value=value):
            return ANY if math.isnan(value) else Range(value, value)
        case AsOf(node=inner) | Forming(node=inner) | Named(node=inner):
            return range_of(inner)
        case Series(function=function, source=source):
            within = function in _WITHIN_SOURCE and source is not None
            return range_of(source) if within and source else _SERIES.get(function, ANY)
        case ClockValue(name=name):
            return _CLOCK.get(name, ANY)
        case Said():
            return _POSITIVE
        case Call(function="abs"):
            return _POSITIVE
        case Negative(operand=operand):
            inner_range = range_of(operand)
            return Range(-inner_range.high, -inner_range.low)
        case Arithmetic(op=op, left=left, right=right):
            return _combined(op, range_of(left), range_of(right))
        case _:
            return ANY


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


def verdict(node: Node) -> Verdict:
    """Say whether a condition can be true at all."""
    match node:
        case Const(type=Type.BOOL, value=value):
            return 1 if value > 0 else -1
        case Named(node=inner):
            return verdict(inner)
        case Not(operand=operand):
            return {1: -1, 0: 0, -1: 1}[verdict(operand)]  # type: ignore[return-value]
        case Compare():
            return _compared(node)
        case Logic(op="and", operands=operands):
            found = [verdict(operand) for operand in operands]
            return -1 if _contradict(operands) else min(found)
        case Logic(operands=operands):
            return max(verdict(operand) for operand in operands)
        case _:
            return 0


def _compared(node: Compare) -> Verdict:
    if _is_na(node.left) or _is_na(node.right):
        return -1
    left, right = range_of(node.left), range_of(node.right)
    below, above = left.high < right.low, left.low > right.high
    up_to, from_on = left.high <= right.low, left.low >= right.high
    alike = left.low == left.high == right.low == right.high
    never, always = {
        "<": (from_on, below),
        "<=": (above, up_to),
        ">": (up_to, above),
        ">=": (below, from_on),
        "==": (below or above, alike),
        "!=": (alike, below or above),
    }[node.op]
    return -1 if never else (1 if always else 0)


def _contradict(operands: Iterable[Node]) -> bool:
    """``x > 5 and x < 3``: is there a value whose bounds leave nothing?"""
    bounds: dict[str, tuple[float, bool, float, bool]] = {}
    for operand in operands:
        bare = operand.node if isinstance(operand, Named) else operand
        if not isinstance(bare, Compare):
            continue
        op, value, limit = bare.op, bare.left, range_of(bare.right)
        if limit.low != limit.high:
            op, value, limit = _MIRRORED[bare.op], bare.right, range_of(bare.left)
        if limit.low != limit.high:
            continue
        key = canonical(value)
        low, low_open, high, high_open = bounds.get(key, (-math.inf, False, math.inf, False))
        at = limit.low
        if op in (">", ">=", "==") and (at, op == ">") > (low, low_open):
            low, low_open = at, op == ">"
        if op in ("<", "<=", "==") and (-at, op == "<") > (-high, high_open):
            high, high_open = at, op == "<"
        bounds[key] = (low, low_open, high, high_open)
        if low > high or (low == high and (low_open or high_open)):
            return True
    return False


def _is_na(node: Node) -> bool:
    return isinstance(node, Const) and math.isnan(node.value)
