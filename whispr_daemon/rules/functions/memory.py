"""Functions that remember conditions: bars_since, value_when, count_true, all_true, any_true.

They see every evaluation, from the one on at which all they read is warm.
"""

from collections.abc import Callable
from typing import Final

from whispr_daemon.rules.functions.function import (
    LENGTH,
    Accepts,
    Function,
    Parameter,
    Written,
    X,
)
from whispr_daemon.rules.nodes import Call, Node, Type
from whispr_daemon.rules.source import Source
from whispr_daemon.rules.tree import constant_value


def bars_since(source: Source, call: Call) -> str:
    """Write the evaluations since a condition was true. Memory: them and 1; 0: never."""
    (condition,) = call.arguments
    ago = source.new_int()
    truth, value = source.truth(condition), source.name("NAN")
    with source.block(f"if {source.ready(call)}:"):
        with source.block(f"if {truth} == 1:"):
            source.line(f"{ago} = 1")
        with source.block(f"elif {ago} > 0:"):
            source.line(f"{ago} += 1")
        with source.block(f"if {ago} > 0:"):
            source.line(f"{value} = {ago} - 1.0")
    return value


def value_when(source: Source, call: Call) -> str:
    """Write what a number was when a condition was last true. Memory: that."""
    condition, number = call.arguments
    held = source.new_float()
    truth, x = source.truth(condition), source.number(number)
    value = source.name("NAN")
    with source.block(f"if {source.ready(call)}:"):
        with source.block(f"if {truth} == 1:"):
            source.line(f"{held} = {x}")
        source.line(f"{value} = {held}")
    return value


def count_true(source: Source, call: Call) -> str:
    """Write how often a condition was true in the last evaluations; na if one of them is na.

    Memory: how many came, how many of the last are true and how many na, and a ring of them.
    """
    condition, number = call.arguments
    length = length_of(number)
    seen, hits, gaps = (source.new_int() for _ in range(3))
    ring, size = source.new_ints(length), source.whole(length)
    truth, value = source.truth(condition), source.name("NAN")
    with source.block(f"if {source.ready(call)}:"):
        at = source.name(f"{ring} + {seen} % {size}")
        with source.block(f"if {seen} >= {size}:"):
            source.line(f"{hits} -= 1 if I[{at}] == 1 else 0")
            source.line(f"{gaps} -= 1 if I[{at}] == 0 else 0")
        source.line(f"I[{at}] = {truth}")
        source.line(f"{hits} += 1 if {truth} == 1 else 0")
        source.line(f"{gaps} += 1 if {truth} == 0 else 0")
        source.line(f"{seen} += 1")
        with source.block(f"if {seen} >= {size} and {gaps} == 0:"):
            source.line(f"{value} = {hits} * 1.0")
    return value


def lasting(decides: int) -> Callable[[Source, Call], str]:
    """Return the writer of a condition over the last evaluations: one that ``decides`` decides.

    Of ``all_true`` a false one (-1), of ``any_true`` a true one (1). Else it is na if one is na, or
    if fewer were seen. Memory: for how many evaluations nothing decided, and nothing was na.
    """

    def write(source: Source, call: Call) -> str:
        condition, number = call.arguments
        decided, unknown = source.new_int(), source.new_int()
        size = source.whole(length_of(number))
        truth, value = source.truth(condition), source.name("0")
        with source.block(f"if {source.ready(call)}:"):
            # One that decided is as many evaluations ago as were seen since, if any ever did.
            source.line(f"{unknown} = 0 if {truth} == 0 else {unknown} + 1")
            with source.block(f"if {truth} == {decides}:"):
                source.line(f"{decided} = 1")
            with source.block(f"elif {decided} > 0:"):
                source.line(f"{decided} += 1")
            with source.block(f"if 0 < {decided} <= {size}:"):
                source.line(f"{value} = {decides}")
            with source.block(f"elif {unknown} >= {size}:"):
                source.line(f"{value} = {-decides}")
        return value

    return write


def length_of(node: Node) -> int:
    """Return the value of an argument that the checker let pass as a length."""
    return max(int(constant_value(node) or 1), 1)


_CONDITION: Final = Parameter("condition", Accepts.TRUTH)

MEMORY: Final = (
    Function(
        "bars_since",
        (_CONDITION,),
        Type.NUM,
        Written(bars_since, remembers=True),
        "evaluations since the condition was last true, 0 now; na before the first time",
    ),
    Function(
        "value_when",
        (_CONDITION, X),
        Type.NUM,
        Written(value_when, remembers=True),
        "x as it was when the condition was last true; na before the first time",
    ),
    Function(
        "count_true",
        (_CONDITION, LENGTH),
        Type.NUM,
        Written(count_true, remembers=True),
        "how often the condition was true in the last length evaluations; na if one was na",
    ),
    Function(
        "all_true",
        (_CONDITION, LENGTH),
        Type.BOOL,
        Written(lasting(-1), remembers=True),
        "the condition was true in each of the last length evaluations",
    ),
    Function(
        "any_true",
        (_CONDITION, LENGTH),
        Type.BOOL,
        Written(lasting(1), remembers=True),
        "the condition was true in one of the last length evaluations",
    ),
)
