"""A typed tree as people write it: the names under which values are kept and explained."""

import math
from typing import Final

from whispr_daemon.domain.timeframe import DAY, HOUR, MINUTE, SECOND
from whispr_daemon.rules.names import SHORTHAND
from whispr_daemon.rules.nodes import (
    Arithmetic,
    AsOf,
    Call,
    ClockValue,
    Compare,
    Const,
    Forming,
    Level,
    LevelValue,
    Logic,
    Named,
    Negative,
    Node,
    Not,
    Parameter,
    PortfolioValue,
    Price,
    Said,
    Series,
    SessionValue,
    Text,
    Type,
    Variable,
)

# How tightly a node binds, as in the grammar; what binds less than its place gets parentheses.
_OR: Final = 1
_AND: Final = 2
_NOT: Final = 3
_RELATION: Final = 4
_SUM: Final = 5
_TERM: Final = 6
_UNARY: Final = 7
_ATOM: Final = 8

_UNITS: Final = ((7 * DAY, "w"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))
_MINUTES: Final = 60


def spelling(node: Node) -> str:
    """Return an expression that means the node, with the names its author used where known."""
    return _spelled(node)[0]


def duration(nanos: float) -> str:
    """Return ``30m`` for a duration in ns."""
    for unit, letter in _UNITS:
        if nanos and nanos % unit == 0:
            return f"{int(nanos // unit)}{letter}"
    return f"{nanos / 1_000_000:.10g}ms" if nanos else "0s"


def clock(minutes: float) -> str:
    """Return ``09:30`` for minutes after midnight."""
    whole = int(minutes)
    return f"{whole // _MINUTES:02d}:{whole % _MINUTES:02d}"


def _spelled(node: Node) -> tuple[str, int]:  # noqa: C901, PLR0912 (one case a node)
    match node:
        case Const():
            return _constant(node), _ATOM
        case Text(value=text):
            return repr(text), _ATOM
        case Parameter(name=name):
            return f"${name}", _ATOM
        case Price(field=field):
            return ("price" if field == "close" else field), _ATOM
        case Series():
            return _series(node), _ATOM
        case Level(name=name) | SessionValue(name=name) | ClockValue(name=name):
            minutes = node.minutes if isinstance(node, SessionValue) else 0
            return f"{name}({minutes}m)" if minutes else name, _ATOM
        case PortfolioValue(name=name) | Variable(name=name) | Named(name=name):
            return name, _ATOM
        case LevelValue(name=name, ladder=ladder):
            mode = "" if ladder.mode == "day" else f"{ladder.mode}."
            return f"atr.{mode}{'value' if name == 'atr' else name}", _ATOM
        case Said():
            return _said(node), _ATOM
        case AsOf(node=inner, timeframe=timeframe, alias=alias, symbol=symbol):
            whose = alias or symbol
            shown = "" if whose and isinstance(inner, Price) else timeframe
            return f"{whose}.{_at(inner, shown)}" if whose else _at(inner, timeframe), _ATOM
        case Forming(node=inner, timeframe=timeframe):
            return f"forming({_at(inner, timeframe)})", _ATOM
        case Arithmetic(op=op, left=left, right=right):
            place = _SUM if op in "+-" else _TERM
            return f"{_within(left, place)} {op} {_within(right, place + 1)}", place
        case Negative(operand=operand):
            return f"-{_within(operand, _UNARY)}", _UNARY
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(map(spelling, arguments))})", _ATOM
        case Compare(op=op, left=left, right=right):
            return f"{_within(left, _SUM)} {op} {_within(right, _SUM)}", _RELATION
        case Not(operand=operand):
            return f"not {_within(operand, _NOT)}", _NOT
        case Logic(op=op, operands=operands):
            place = _AND if op == "and" else _OR
            return f" {op} ".join(_within(each, place + 1) for each in operands), place


def _within(node: Node, place: int) -> str:
    text, own = _spelled(node)
    return text if own >= place else f"({text})"


def _at(node: Node, timeframe: str) -> str:
    return f"{_within(node, _ATOM)}@{timeframe}" if timeframe else _within(node, _ATOM)


def _constant(node: Const) -> str:
    value = node.value
    if node.type is Type.STR:
        return repr(node.words[int(value)]) if node.words else "''"
    if math.isnan(value):
        return "na"
    if node.type is Type.BOOL:
        return {1.0: "true", -1.0: "false"}.get(value, "na")
    if node.type is Type.DUR:
        return duration(value)
    return clock(value) if node.type is Type.TIME else f"{value:.10g}"


def _series(node: Series) -> str:
    numbers = [f"{number:.10g}" for number in node.numbers]
    source = node.source
    if node.function == "hist" and source is not None:
        return f"{_within(source, _ATOM)}[{numbers[0]}]"
    short = f"{node.function.upper()}{''.join(numbers)}"
    own = source is None or (isinstance(source, Price) and source.field == "close")
    if own and len(numbers) == 1 and SHORTHAND.match(short):
        return short
    return (
        f"{node.function}({', '.join([*([] if source is None else [spelling(source)]), *numbers])})"
    )


def _said(node: Said) -> str:
    if node.question != "count":
        return f"{node.question}({node.signal!r})"
    scope = repr(node.scope) if isinstance(node.scope, str) else duration(node.scope)
    return f"count({node.signal!r}, {scope})"
