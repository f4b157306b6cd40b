"""Compilers for tests: one that only begins to compile, one that has compiled all there is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.rules.jit import Function, Recipe

_AT_ONCE = 2


class Ready:
    """A Compiler that has compiled all it is asked for, however few rows there are."""

    def __init__(self, functions: Mapping[Recipe, Function]) -> None:
        """Take what is compiled; to be asked for anything else is a mistake."""
        self.functions = functions

    def compiled(self, recipe: Recipe, rows: int) -> Function:
        """Return the compiled function."""
        return self.functions[recipe]


class Ahead:
    """A Compiler that compiles what it is asked for, in two processes, and hands out nothing."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is private."""
        self._compilers = [NumbaCompiler(folder, least_rows=0) for _ in range(_AT_ONCE)]
        self._recipes: dict[Recipe, NumbaCompiler] = {}

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        """Begin to compile; return None."""
        if recipe not in self._recipes:
            compiler = self._compilers[len(self._recipes) % _AT_ONCE]
            self._recipes[recipe] = compiler
            compiler.compiled(recipe, rows)
        return None

    def ready(self) -> Ready:
        """Wait for all that was asked for; all of it can be compiled."""
        for compiler in self._compilers:
            compiler.finish()
        found = {recipe: made.compiled(recipe, 1) for recipe, made in self._recipes.items()}
        refused = [recipe for recipe, function in found.items() if function is None]
        assert refused == []
        return Ready({recipe: function for recipe, function in found.items() if function})


def compile_all(recipes: Sequence[Recipe], folder: Path) -> Ready:
    """Compile recipes."""
    ahead = Ahead(folder)
    for recipe in recipes:
        ahead.compiled(recipe, 1)
    return ahead.ready()
