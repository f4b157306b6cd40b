"""One kernel over all rules whose functions differ in numbers only: a loop around that function."""

from functools import lru_cache
from typing import Final

from whispr_daemon.rules.column import is_whole
from whispr_daemon.rules.compile.compiler import Program
from whispr_daemon.rules.compile.record import RECORD
from whispr_daemon.rules.jit import Argument, Recipe

STATE: Final = 4  # places of a rule before those of its columns: in F, I, V and want

_ARGUMENTS: Final = (
    "number, begin, count, rows, slot, FC, IC, at, F, I, V, B, P, Q, N, want, OI, OF, told, room"
)
_TAKES: Final[tuple[Argument, ...]] = (
    *("int", "int", "int", "int"),
    *("ints", "floats", "ints", "ints"),
    *("floats", "ints", "floats", "ints"),  # F, I, V, B
    *("floats", "ints", "ints", "ints"),  # P, Q, N, want
    *("ints", "floats", "ints", "int"),  # OI, OF, told, room
)


def many_recipe(program: Program) -> Recipe:
    """Return the recipe of the kernel over rules that have the recipe of this one.

    ``many(number, begin, count, rows, slot, FC, IC, at, F, I, V, B, P, Q, N, want, OI, OF, told,
    room)`` folds the rules from ``number`` on, the first of them from row ``begin`` on. It returns
    how many records it has written, and the rule and the row at which to go on: ``count`` and 0,
    or earlier ones when there was no room for the records of another row.

    FC, IC: columns of floats and of ints, each of ``rows``. ``at`` has of every rule STATE places,
    where its own begins in F, I, V and ``want``; then the numbers of its columns in FC or IC. P, Q
    and N are those of all rules, each as long as the next. ``told[number]`` grows by the records of
    a rule; OI and OF hold ``room`` of all. Everything else is as in :class:`Program`.
    """
    kinds = tuple("I" if is_whole(column) else "F" for column in program.columns)
    lengths = len(program.literals), len(program.wholes), len(program.needs) + 1
    return _recipe(program.recipe, kinds, lengths, program.width, program.room)


@lru_cache(maxsize=4096)
def _recipe(
    fold: Recipe, kinds: tuple[str, ...], lengths: tuple[int, int, int], width: int, most: int
) -> Recipe:
    read = "".join(
        f"{kind}C[at[a + {place}] * rows : (at[a + {place}] + 1) * rows], "
        for place, kind in enumerate(kinds, start=STATE)
    )
    literals, wholes, least = lengths
    text = f"""\
def many({_ARGUMENTS}):
    n = 0
    while number < count and n + {most} <= room:
        a = number * {STATE + len(kinds)}
        fired, begin = {fold.name}(
            begin, rows, slot, ({read}),
            F[at[a]:], I[at[a + 1]:], V[at[a + 2]:], B,
            P[number * {literals}:], Q[number * {wholes}:], N[number * {least}:],
            want[at[a + 3]:], OI[n * {RECORD}:], OF[n * {width}:], -1,
        )
        n += fired
        told[number] += fired
        if begin == rows:
            begin = 0
            number += 1
    return n, number, begin
"""
    return Recipe("many", text, ((fold.name, fold),), _TAKES)
