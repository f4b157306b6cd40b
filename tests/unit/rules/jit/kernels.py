"""Compilers for tests: one that notes what it is asked for, one that has compiled all of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.rules.jit import Function, Recipe

_AT_ONCE = 2


class Wanted:
    """A Compiler that compiles nothing and remembers what was asked for."""

    def __init__(self) -> None:
        """Nothing was asked for yet."""
        self.recipes: dict[Recipe, None] = {}

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        """Return None."""
        self.recipes[recipe] = None
        return None


class Ready:
    """A Compiler that has compiled all it is asked for; anything else is a mistake."""

    def __init__(self, functions: Mapping[Recipe, Function]) -> None:
        """Take what is compiled."""
        self.functions = functions

    def compiled(self, recipe: Recipe, rows: int) -> Function:
        """Return the compiled function."""
        return self.functions[recipe]


def compile_all(recipes: Sequence[Recipe], folder: Path) -> Ready:
    """Compile recipes, in several processes, and load them."""
    compilers = [NumbaCompiler(folder, least_rows=0) for _ in range(_AT_ONCE)]
    for place, recipe in enumerate(recipes):
        compilers[place % _AT_ONCE].compiled(recipe, 1)
    for compiler in compilers:
        compiler.finish()
    functions = {
        recipe: compilers[place % _AT_ONCE].compiled(recipe, 1)
        for place, recipe in enumerate(recipes)
    }
    refused = [recipe for recipe, function in functions.items() if function is None]
    assert refused == []
    return Ready({recipe: function for recipe, function in functions.items() if function})
