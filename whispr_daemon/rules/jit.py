"""The seam to a compiler of kernels: what may be compiled, and whom to ask for it.

A kernel is a function of plain loops over scalars and flat arrays. As it stands it runs on lists
and memoryviews, which is the reference and the quicker way for a few rows; compiled it runs on
numpy arrays and gives the same results to the bit. Who has a large batch asks for the compiled
one, and takes the other as long as there is none.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from typing_extensions import override

from whispr_daemon.rules.functions.folds import (
    Folding,
    Input,
    Output,
    Place,
    State,
    Step,
    fold,
    fold_two,
)

Function: TypeAlias = Callable[..., Any]

# int64, float64, bool; "ints", "floats" and "bools" are flat contiguous arrays of them, one after
# the other; those that are "seen" are not written to, and may be of memory that cannot be.
Scalar: TypeAlias = Literal[
    "int", "float", "bool", "ints", "floats", "bools", "seen_ints", "seen_floats"
]


class Group(NamedTuple):
    """A tuple as argument; with ``of`` a NamedTuple of that class."""

    parts: "tuple[Argument, ...]"
    of: "type[Any] | None" = None


Argument: TypeAlias = Scalar | Group


class Recipe(NamedTuple):
    """A function that may be compiled, and the types of its arguments.

    ``text`` defines ``name``. ``names`` are what the text refers to and does not define: functions
    of plain loops (with what they refer to in turn; a ``partial`` binds some arguments of one by
    name), other recipes under the name of what they define, numbers, functions of ``math``.
    """

    name: str
    text: str
    names: tuple[tuple[str, Any], ...]
    takes: tuple[Argument, ...]

    @override
    def __hash__(self) -> int:
        """Return a hash that is quick: text has it at hand, and most follows from it.

        What the same text refers to differs in the first name, where it does.
        """
        return hash((self.text, self.names[:1]))


class Compiler(Protocol):
    """Compiles kernels, in its own time."""

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        """Return the compiled function if there is one by now; never waits.

        None, too, where it is not worth it for so few rows. It takes arrays where the recipe says
        so: contiguous, writable, of exactly that type. It divides by 0 without an error, so the
        text must not rely on one.
        """


class Uncompiled:
    """A Compiler that compiles nothing."""

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        """Return None."""
        return None


UNCOMPILED: Final[Compiler] = Uncompiled()


_INTS: Final = frozenset({"slot", "date"})  # of an Input
# The state of an indicator, and how it is laid out.
HELD: Final = (Group(("floats", "ints"), State), Group(("int", "float", "int", "bool"), Place))
_FOLDING: Final = Group((*HELD, Group(("floats", "ints"), Output)), Folding)


def recipe_of(function: Function, *takes: Argument) -> Recipe:
    """Return the recipe of a function, or of a ``partial`` of one, with such arguments."""
    names = ", ".join(f"a{place}" for place in range(len(takes)))
    text = f"def kernel({names}):\n    return function({names})\n"
    return Recipe("kernel", text, (("function", function),), takes)


@cache
def fold_recipe(step: Step, others: int = 0) -> Recipe:
    """Return the recipe of the fold of one indicator: ``fold`` without its last argument.

    ``others`` is how many further sources the indicator has.
    """
    return recipe_of(partial(fold, step=step), "int", _input(others), *_FOLDING.parts)


@cache
def pair_recipe(step: Step, others: int = 0) -> Recipe:
    """Return the recipe of ``fold_two``, likewise."""
    return recipe_of(partial(fold_two, step=step), "int", _input(others), _FOLDING, _FOLDING)


def _input(others: int) -> Group:
    columns: list[Argument] = ["ints" if name in _INTS else "floats" for name in Input._fields]
    sources: list[Argument] = ["floats"] * others
    columns[Input._fields.index("others")] = Group(tuple(sources))
    return Group(tuple(columns), Input)
