"""Literals: numbers, percentages, times of day, durations, texts, parameters."""

import math
from typing import Final

from lark import Token, Tree

from whispr_daemon.rules.check.checking import Checking, Reader
from whispr_daemon.rules.check.periods import PeriodRefusedError, nanos
from whispr_daemon.rules.check.scope import RefusedError, Span
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.nodes import Const, Node, Parameter, Text, Type


def clock_minutes(written: str) -> int | None:
    """Return the minutes from midnight to ``16:00``, None if there is no such time of day."""
    hours, minutes = map(int, written.split(":"))
    return hours * 60 + minutes if hours <= 23 and minutes <= 59 else None


def _number(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    value = float(_written(tree))
    if not math.isfinite(value):
        raise RefusedError(span.start, "E102", f"{_written(tree)} is too large a number")
    return _const(Type.NUM, value, span)


def _percent(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    return _const(Type.NUM, float(_written(tree)[:-1]) / 100, span)


def _time(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    minutes = clock_minutes(_written(tree))
    if minutes is None:
        raise RefusedError(span.start, "E102", f"{_written(tree)} is not a time of day")
    return _const(Type.TIME, float(minutes), span)


def _duration(checking: Checking, tree: Tree[Token], span: Span) -> Node:
    try:
        value = nanos(_written(tree), checking.scope.timeframe)
    except PeriodRefusedError as error:
        raise RefusedError(span.start, "E102", str(error)) from error
    return _const(Type.DUR, float(value), span)


def _string(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    return Text(type=Type.STR, start=span.start, end=span.end, value=_written(tree)[1:-1])


def _parameter(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    written = _written(tree)
    name = written.removeprefix("$")
    parameters = checking.scope.vocabulary.parameters
    if name not in parameters:
        hint = suggestion(written, [f"${known}" for known in parameters])
        hint = hint or f" (params: {{{name}: …}} gives it a value)"
        raise RefusedError(span.start, "E202", f"unknown parameter {written!r}{hint}")
    checking.scope.ledger.names.add(written)
    given = parameters[name]
    if given is None:
        return None
    return Parameter(type=given.type, start=span.start, end=span.end, name=name, value=given.value)


def _written(tree: Tree[Token]) -> str:
    return str(tree.children[0])


def _const(kind: Type, value: float, span: Span) -> Node:
    return Const(type=kind, start=span.start, end=span.end, value=value)


READERS: Final[dict[str, Reader]] = {
    "number": _number,
    "percent": _percent,
    "time": _time,
    "duration": _duration,
    "string": _string,
    "param": _parameter,
}
