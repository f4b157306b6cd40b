"""Literals: numbers, percentages, times of day, durations, texts, parameters."""

from typing import Final

from lark import Token, Tree

from whispr_daemon.domain.timeframe import DAY, HOUR, MINUTE, SECOND
from whispr_daemon.rules.check.checking import Checking, Reader
from whispr_daemon.rules.check.scope import RefusedError, Span, not_yet
from whispr_daemon.rules.nodes import Const, Node, Text, Type

_DURATIONS: Final = {
    "ms": SECOND // 1000,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
}


def _number(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    return _const(Type.NUM, float(_written(tree)), span)


def _percent(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    return _const(Type.NUM, float(_written(tree)[:-1]) / 100, span)


def _time(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    text = _written(tree)
    hours, minutes = map(int, text.split(":"))
    if hours > 23 or minutes > 59:
        raise RefusedError(span.start, "E102", f"{text} is not a time of day")
    return _const(Type.TIME, float(hours * 60 + minutes), span)


def _duration(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    text = _written(tree)
    unit = text.lstrip("0123456789")
    if unit not in _DURATIONS:
        raise not_yet(f"a duration in {unit!r}", span.start)
    return _const(Type.DUR, float(int(text.removesuffix(unit)) * _DURATIONS[unit]), span)


def _string(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    return Text(type=Type.STR, start=span.start, end=span.end, value=_written(tree)[1:-1])


def _parameter(_checking: Checking, tree: Tree[Token], span: Span) -> Node:
    raise RefusedError(span.start, "E202", f"unknown parameter {_written(tree)!r}")


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
