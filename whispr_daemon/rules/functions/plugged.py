"""Functions of plug-ins among the built-ins: entries of the table that call foreign Python."""

import re
from collections.abc import Sequence
from typing import Final

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.function import Faults, RuleFunction
from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Place, Step
from whispr_daemon.rules.functions.function import (
    Accepts,
    Composed,
    Folded,
    Function,
    Parameter,
)
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.functions.weights import forgets
from whispr_daemon.rules.nodes import Type

BUILT_IN: Final = frozenset(FUNCTIONS)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED: Final = frozenset(
    {"and", "or", "not", "in", "crosses", "above", "below", "true", "false", "na"}
)


def plug_in(function: RuleFunction) -> None:
    """Let rules call a function of a plug-in, from now on in this process.

    Raises:
        SettingsError: it says something of itself that cannot be.
    """
    _check(function)
    for entry in entries(function):
        FUNCTIONS[entry.name] = entry


def entries(function: RuleFunction) -> tuple[Function, ...]:
    """Return what the table says of a function: an indicator, and what a condition makes of it."""
    takes = (
        *(Parameter(name, Accepts.NUMBER) for name in function.series),
        *(Parameter(name, Accepts.FACTOR) for name in function.numbers),
    )
    folded = Folded(
        step_of(function, (), []),
        lambda _length: 1 + function.warmup * len(function.series),
        lambda _length: function.warmup,
        forgets,
        bound=lambda numbers, faults: step_of(function, numbers, faults),
    )
    number = Function(function.name, takes, Type.NUM, folded, function.about)
    if function.gives == "num":
        return (number,)
    value = number._replace(name=f"{function.name}_value", hidden=True)
    call = f"{value.name}({', '.join((*function.series, *function.numbers))}) > 0"
    return value, number._replace(gives=Type.BOOL, lowering=Composed({"": call}))


def step_of(function: RuleFunction, numbers: Sequence[float], faults: Faults) -> Step:
    """Return the step that calls a function; state: how many inputs came, a ring of each series.

    A bar on which one of the series is na is skipped: na, and no input.
    """
    length, compute, given_numbers = function.warmup, function.compute, tuple(numbers)

    def step(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
        came = int(floats[f]) if n > 0 else 0
        floats[f] = float(came)
        inputs = [given.x[r], *(other[r] for other in given.others)]
        if any(x != x for x in inputs):
            return NAN
        rings = range(f + 1, f + 1 + length * len(inputs), length)
        for ring, x in zip(rings, inputs, strict=True):
            floats[ring + came % length] = x
        came += 1
        floats[f] = float(came)
        if came < length:
            return NAN
        windows = [
            [float(floats[ring + (came + back) % length]) for back in range(length)]
            for ring in rings
        ]
        try:
            return number_of(compute(*windows, *given_numbers))
        except Exception as error:  # noqa: BLE001 (foreign code may raise anything)
            faults.append((r, f"{function.name}: {error!r}"))
            return NAN

    return step


def number_of(answer: float | bool | None) -> float:  # noqa: FBT001 (it is what is asked about)
    """Return an answer as a column has it: a truth as 1 or -1, None or an infinity as na.

    Raises:
        TypeError, ValueError: it is no number.
    """
    if answer is None:
        return NAN
    if answer is True or answer is False:
        return 1.0 if answer else -1.0
    value = float(answer)
    return value if value - value == 0.0 else NAN


def _check(function: RuleFunction) -> None:
    arguments = (*function.series, *function.numbers)
    wrong = [
        (not _NAME.fullmatch(function.name), "a name is lower-case letters, digits and _"),
        (function.name in BUILT_IN, "that is a built-in's name"),
        (function.name in _RESERVED, "that is a word of the language"),
        (f"{function.name}_value" in BUILT_IN, "that is like a built-in's name"),
        (not function.series, "it needs a series"),
        (not all(map(_NAME.fullmatch, arguments)), "its arguments are named like functions"),
        (len(set(arguments)) < len(arguments), "two of its arguments have the same name"),
        (function.warmup < 1, f"a warmup is 1 or more, not {function.warmup}"),
        (not function.pure, "it must be pure: the same arguments, the same value, in every replay"),
        (not callable(function.compute), "compute is not a function"),
    ]
    for is_wrong, why in wrong:
        if is_wrong:
            raise SettingsError(f"the rule function {function.name!r} is refused: {why}")
