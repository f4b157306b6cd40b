"""What indicators are made of: bars in, the state of each instrument, one value a bar out.

State of slot ``s`` lives in ``floats[s * width …]``; ``ints[s]`` counts the inputs and is written
to ``count`` bar by bar: it says how warm the value is. Plain loops over scalars and flat arrays:
numba can compile the very same source, and un-jitted it is the reference.
"""

import math
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, Final, NamedTuple, TypeAlias

from whispr_daemon.rules.source import NOT_NEGATIVE

Floats: TypeAlias = Any  # a flat float64 buffer or a list: whatever indexes to a float
Ints: TypeAlias = Any  # the same of int64

NAN: Final = float("nan")
SEED_ERROR: Final = 1e-6  # relative; below it a value counts as converged


class Input(NamedTuple):
    """The bars to fold: whose they are, and their values."""

    slot: Ints
    x: Floats  # the source; the close where a fold takes whole bars
    open: Floats
    high: Floats
    low: Floats
    volume: Floats
    date: Ints  # of the session, days from 1970-01-01
    others: tuple[Floats, ...] = ()  # further sources, of a plug-in


class State(NamedTuple):
    """The state of all slots, flat."""

    floats: Floats
    ints: Ints


class Output(NamedTuple):
    """Where values and counts go, one a bar."""

    value: Floats
    count: Ints


class Place(NamedTuple):
    """How the state of a slot is laid out, and what an input is."""

    length: int  # the first number of the call, 1 where it has none
    factor: float  # the second, NaN where it has none
    width: int  # floats a slot
    every_bar: bool  # after the first input, an undefined one is an input too


# step(given, r, floats, f, n, place) takes bar r into the state at floats[f …], where n inputs
# came before, and returns its value.
Step: TypeAlias = Callable[[Input, int, Floats, int, int, Place], float]


class Folding(NamedTuple):
    """One indicator over some bars: its state, how it is laid out, where values go."""

    state: State
    place: Place
    out: Output


def fold(rows: int, given: Input, state: State, place: Place, out: Output, step: Step) -> None:
    """Take bars in, in order. An undefined source (NaN) is skipped: NaN out, state unchanged."""
    for r in range(rows):
        take_in(given, r, state, place, out, step)


def fold_two(rows: int, given: Input, first: Folding, second: Folding, step: Step) -> None:
    """Fold two indicators of the same step over the same source as :func:`fold` folds each.

    Each value waits for the one before it; side by side they wait together.
    """
    for r in range(rows):
        take_in(given, r, first.state, first.place, first.out, step)
        take_in(given, r, second.state, second.place, second.out, step)


def take_in(given: Input, r: int, state: State, place: Place, out: Output, step: Step) -> None:
    """Take bar ``r`` in."""
    out.value[r], out.count[r] = taken(given, r, state, place, step)


def taken(given: Input, r: int, state: State, place: Place, step: Step) -> tuple[float, int]:
    """Take bar ``r`` in; return the value and the count."""
    s, floats, ints = given.slot[r] & NOT_NEGATIVE, state.floats, state.ints
    n = ints[s]
    y = NAN
    if given.x[r] == given.x[r] or (place.every_bar and n > 0):
        y = step(given, r, floats, s * place.width & NOT_NEGATIVE, n, place)
        n += 1
        ints[s] = n
    return y, n


@cache
def read_by(step: Step) -> frozenset[str]:
    """Return which columns of an Input a step of loops reads: it names them, or what it calls."""
    names: set[str] = set()
    todo: list[Any] = [step]
    while todo:
        function = todo.pop()
        new = set(function.__code__.co_names) - names
        names |= new
        called = (function.__globals__.get(name) for name in new)
        todo += [one for one in called if isinstance(one, FunctionType)]
    return frozenset(names & set(Input._fields))


def true_range(high: float, low: float, before: float) -> float:
    """Return max(h-l, |h-c1|, |l-c1|); ``before`` is the previous close, NaN on the first bar."""
    move = high - low
    if before == before:
        up = abs(high - before)
        down = abs(low - before)
        move = max(move, up, down)
    return move


def settling(alpha: float) -> int:
    """Return how many more inputs make the seed's error less than 1e-6 of itself (4.2)."""
    return 0 if alpha >= 1.0 else math.ceil(math.log(SEED_ERROR) / math.log(1.0 - alpha))
