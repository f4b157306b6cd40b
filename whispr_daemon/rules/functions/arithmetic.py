"""Functions of numbers without memory: abs, min, max, clamp, round, sqrt …"""

from collections.abc import Callable
from typing import Final

from whispr_daemon.rules.functions.function import Accepts, Function, Parameter, Written, X
from whispr_daemon.rules.nodes import Call, Type
from whispr_daemon.rules.source import Source

_MOST: Final = 16
_LARGEST_EXPONENT: Final = 709.78  # e to the 709.79 is no float any more


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


def clamp(source: Source, call: Call) -> str:
    """Write the nearest value from ``low`` to ``high``; na if one is na or they are crossed."""
    x, low, high = (source.number(argument) for argument in call.arguments)
    value = source.name(f"NAN if not {low} <= {high} else {x}")
    with source.block(f"if {value} < {low}:"):
        source.line(f"{value} = {low}")
    with source.block(f"elif {value} > {high}:"):
        source.line(f"{value} = {high}")
    return value


def rounded(source: Source, call: Call) -> str:
    """Write the nearest multiple of a tick, a half up.

    A tick that is one over a whole number (0.01, 0.25) is taken as that number's inverse, so that
    the result is the float nearest to the multiple, as a price in the feed is.
    """
    x, tick = (source.number(argument) for argument in call.arguments)
    valid = f"{tick} > 0.0 and {x} == {x}"
    source.amiss(f"{tick} <= 0.0")
    value, share = source.name("NAN"), source.name("0.0")
    with source.block(f"if {valid}:"):
        source.line(f"{share} = (1.0 / {tick} + 0.5) // 1.0")
        with source.block(f"if {share} > 0.0 and abs({share} * {tick} - 1.0) < 1e-12:"):
            source.line(f"{value} = ({x} * {share} + 0.5) // 1.0 / {share}")
        with source.block("else:"):
            source.line(f"{value} = ({x} / {tick} + 0.5) // 1.0 * {tick}")
    return _finite(source, value)


def down(source: Source, call: Call) -> str:
    """Write the largest whole number that is not above."""
    return source.name(f"{source.number(call.arguments[0])} // 1.0")


def up(source: Source, call: Call) -> str:
    """Write the smallest whole number that is not below."""
    return source.name(f"-(-{source.number(call.arguments[0])} // 1.0)")


def sign(source: Source, call: Call) -> str:
    """Write 1, 0 or -1; na if na."""
    x = source.number(call.arguments[0])
    return source.name(f"1.0 if {x} > 0.0 else (-1.0 if {x} < 0.0 else {x} * 0.0)")


def defined_where(test: str, value: str) -> Callable[[Source, Call], str]:
    """Return the writer of ``value`` (of ``{x}``) that is na, and amiss, where a test fails."""

    def write(source: Source, call: Call) -> str:
        x = source.number(call.arguments[0])
        holds = test.format(x=x)
        source.amiss(f"{x} == {x} and not {holds}")
        return source.name(f"{value.format(x=x)} if {holds} else NAN")

    return write


def remainder(source: Source, call: Call) -> str:
    """Write what is left of a division, with the sign of ``a`` (``%`` of Pine); of 0 na."""
    a, b = (source.number(argument) for argument in call.arguments)
    source.amiss(f"{b} == 0.0 and {a} == {a}")
    value = source.name("NAN")
    with source.block(f"if {b} != 0.0:"):
        source.line(f"{value} = abs({a}) % abs({b})")
        with source.block(f"if {a} < 0.0:"):
            source.line(f"{value} = -{value}")
    return value


def between(source: Source, call: Call) -> str:
    """Write whether ``low <= x <= high``. Times of day wrap: from 22:00 to 02:00 is the night."""
    x, low, high = (source.number(argument) for argument in call.arguments)
    value = source.name("-1")
    with source.block(f"if {x} != {x} or {low} != {low} or {high} != {high}:"):
        source.line(f"{value} = 0")
    with source.block(f"elif {low} <= {x} <= {high}:"):
        source.line(f"{value} = 1")
    if call.arguments[0].type is Type.TIME:
        with source.block(f"elif {low} > {high} and ({x} >= {low} or {x} <= {high}):"):
            source.line(f"{value} = 1")
    return value


def _finite(source: Source, value: str) -> str:
    """Make na of an overflow, which is amiss."""
    source.amiss(f"{value} == {value} and {value} - {value} != 0.0")
    with source.block(f"if {value} - {value} != 0.0:"):
        source.line(f"{value} = NAN")
    return value


_TICK: Final = Parameter("tick", Accepts.NUMBER, 1.0)
_LOW: Final = Parameter("low", Accepts.NUMBER)
_HIGH: Final = Parameter("high", Accepts.NUMBER)
_RANGE: Final = tuple(Parameter(name, Accepts.ANY) for name in ("x", "low", "high"))
_A: Final = Parameter("a", Accepts.NUMBER)
_B: Final = Parameter("b", Accepts.NUMBER)


def _number(
    name: str, takes: tuple[Parameter, ...], write: Callable[[Source, Call], str], about: str
) -> Function:
    return Function(name, takes, Type.NUM, Written(write), about)


ARITHMETIC: Final = (
    _number("abs", (X,), absolute, "x without its sign"),
    _number("min", (X, X), extreme("<"), "the least; na if one is na")._replace(most=_MOST),
    _number("max", (X, X), extreme(">"), "the most; na if one is na")._replace(most=_MOST),
    _number("clamp", (X, _LOW, _HIGH), clamp, "x, at least low and at most high"),
    _number("round", (X, _TICK), rounded, "the nearest multiple of tick, a half up"),
    _number("floor", (X,), down, "the largest whole number that is not above x"),
    _number("ceil", (X,), up, "the smallest whole number that is not below x"),
    _number("sign", (X,), sign, "1 above 0, -1 below, else 0"),
    _number("sqrt", (X,), defined_where("{x} >= 0.0", "sqrt({x})"), "square root; na below 0"),
    _number("log", (X,), defined_where("{x} > 0.0", "log({x})"), "natural log; na up to 0"),
    _number(
        "exp",
        (X,),
        defined_where(f"{{x}} <= {_LARGEST_EXPONENT}", "exp({x})"),
        f"e to the x; na above {_LARGEST_EXPONENT}",
    ),
    _number("mod", (_A, _B), remainder, "what is left of a / b, with the sign of a; na if b is 0"),
    Function(
        "between",
        _RANGE,
        Type.BOOL,
        Written(between),
        "low <= x <= high; times of day wrap at midnight",
    ),
)
