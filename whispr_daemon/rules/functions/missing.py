"""Functions that see na, and the choice: na, nz, if."""

from typing import Final

from whispr_daemon.rules.functions.function import Accepts, Function, Parameter, Written
from whispr_daemon.rules.nodes import Call, Node, Type
from whispr_daemon.rules.source import Source

_TRUTHS: Final = (Type.BOOL, Type.EVENT)


def is_missing(source: Source, call: Call) -> str:
    """Write whether a value is na: true or false, never na."""
    (argument,) = call.arguments
    if argument.type in _TRUTHS:
        return source.name(f"1 if {source.truth(argument)} == 0 else -1")
    x = source.number(argument)
    return source.name(f"1 if {x} != {x} else -1")


def otherwise(source: Source, call: Call) -> str:
    """Write a value, or where it is na another."""
    x, other = (_value(source, argument) for argument in call.arguments)
    missing = f"{x} == 0" if call.type in _TRUTHS else f"{x} != {x}"
    return source.name(f"{other} if {missing} else {x}")


def choice(source: Source, call: Call) -> str:
    """Write one value where a condition is true, another where it is false, na where it is na."""
    condition, *values = call.arguments
    test = source.truth(condition)
    yes, no = (_value(source, value) for value in values)
    value = source.name("0" if call.type in _TRUTHS else "NAN")
    with source.block(f"if {test} == 1:"):
        source.line(f"{value} = {yes}")
    with source.block(f"elif {test} == -1:"):
        source.line(f"{value} = {no}")
    return value


def _value(source: Source, argument: Node) -> str:
    return source.truth(argument) if argument.type in _TRUTHS else source.number(argument)


_X: Final = Parameter("x", Accepts.ANY)

MISSING: Final = (
    Function("na", (_X,), Type.BOOL, Written(is_missing), "x is na"),
    Function(
        "nz",
        (_X, Parameter("other", Accepts.ANY, 0.0)),
        None,
        Written(otherwise),
        "x, or other where x is na",
    ),
    Function(
        "if",
        (
            Parameter("condition", Accepts.TRUTH),
            Parameter("yes", Accepts.ANY),
            Parameter("no", Accepts.ANY),
        ),
        None,
        Written(choice),
        "yes where the condition is true, no where it is false; na where it is na",
    ),
)
