"""Functions of numbers without memory: abs, min, max."""

from collections.abc import Callable
from typing import Final

from whispr_daemon.rules.functions.function import Function, Written, X
from whispr_daemon.rules.nodes import Call, Type
from whispr_daemon.rules.source import Source

_MOST: Final = 16


def absolute(source: Source, call: Call) -> str:
    """Write the absolute value."""
    return source.name(f"abs({source.number(call.arguments[0])})")


def extreme(sign: str) -> Callable[[Source, Call], str]:
    """Return the writer of the extreme value on one side, ``>`` or ``<``; na if one is na."""

    def write(source: Source, call: Call) -> str:
        first, *rest = (source.number(argument) for argument in call.arguments)
        value = source.name(first)
        for other in rest:
            with source.block(f"if {other} != {other} or {other} {sign} {value}:"):
                source.line(f"{value} = {other}")
        return value

    return write


ARITHMETIC: Final = (
    Function("abs", (X,), Type.NUM, Written(absolute), "x without its sign"),
    Function("min", (X, X), Type.NUM, Written(extreme("<")), "the least; na if one is na", _MOST),
    Function("max", (X, X), Type.NUM, Written(extreme(">")), "the most; na if one is na", _MOST),
)
