"""Rows of one desk to those of another: each reader gets what was newest when it came.

Plain loops over flat arrays, as all that may be compiled.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from whispr_daemon.rules.functions.folds import Floats, Ints, State
from whispr_daemon.rules.jit import Argument, Group, Recipe, recipe_of

# State of a slot of the other desk, after the values that are carried.
TS: Final = 0  # end of the bar they are of
DATE: Final = 1  # its session
CLOSE: Final = 2  # when that ends, ns UTC
KNOWN: Final = 3  # 1: there is one
INTS: Final = 4

_FAR: Final = 1 << 62


class Sources(NamedTuple):
    """Rows of the other desk."""

    order: Ints
    ts: Ints
    slot: Ints
    date: Ints
    close: Ints  # end of the row's session
    values: Sequence[Floats]  # that are carried
    lasting: Ints  # 1: however old, as a count is


class Readers(NamedTuple):
    """Rows that read."""

    order: Ints
    ts: Ints
    slot: Ints  # of the other desk that each reads; -1: none
    date: Ints
    before: Ints  # date of the session before
    open: Ints  # start of the row's session


class Carried(NamedTuple):
    """What readers get: values, and the end of the bar they are of (ns UTC; 0: there is none)."""

    values: Sequence[Floats]
    ended: Ints


class Freshness(NamedTuple):
    """How old a value may be."""

    session: int  # ns of open market; 0: any age
    days: int  # of a daily bar


def carry(
    counts: tuple[int, int],
    given: Sources,
    readers: Readers,
    state: State,
    limit: Freshness,
    out: Carried,
) -> None:
    """Give each reader the newest row not after it by (order, ts), NaN if none is fresh."""
    floats, ints = state
    rows, reads = counts
    width = len(given.values)
    r = 0
    for q in range(reads + 1):
        order = readers.order[q] if q < reads else _FAR
        ts = readers.ts[q] if q < reads else _FAR
        while r < rows and (
            given.order[r] < order or (given.order[r] == order and given.ts[r] <= ts)
        ):
            s = given.slot[r]
            for k in range(width):
                floats[s * width + k] = given.values[k][r]
            ints[s * INTS + TS] = given.ts[r]
            ints[s * INTS + DATE] = given.date[r]
            ints[s * INTS + CLOSE] = given.close[r]
            ints[s * INTS + KNOWN] = 1
            r += 1
        if q < reads and readers.slot[q] >= 0:
            s = readers.slot[q]
            if ints[s * INTS + KNOWN]:
                fresh = _fresh(readers, q, ints, s * INTS, limit)
                out.ended[q] = ints[s * INTS + TS]
                for k in range(width):
                    if fresh or given.lasting[k]:
                        out.values[k][q] = floats[s * width + k]


def _fresh(readers: Readers, q: int, ints: Ints, i: int, limit: Freshness) -> bool:
    """Is the value young enough? Only time counts in which the market was open."""
    date = ints[i + DATE]
    if limit.days:
        return bool(readers.date[q] - date <= limit.days)
    if limit.session == 0:
        return True
    age = readers.ts[q] - ints[i + TS]
    if date < readers.date[q]:
        if date < readers.before[q]:
            return False
        age = max(ints[i + CLOSE] - ints[i + TS], 0) + readers.ts[q] - readers.open[q]
    return bool(age <= limit.session)


@cache
def carry_recipe(width: int) -> Recipe:
    """Return the recipe of :func:`carry` for so many values."""
    floats: Argument = "floats"
    values = Group((floats,) * width)
    return recipe_of(
        carry,
        Group(("int", "int")),
        Group((*("ints",) * 5, values, "ints"), Sources),
        Group(("ints",) * 6, Readers),
        Group(("floats", "ints"), State),
        Group(("int", "int"), Freshness),
        Group((values, "ints"), Carried),
    )
