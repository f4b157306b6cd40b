"""Compiled rules say what the rules as written say, and leave the same state.

A dozen shapes, each a whole rule document by chance, in variants that differ in every number:
lengths, levels, bounds, durations, parameters; two thousand rules in all. Each shape has a market
of its own. What a shape needs is compiled once, all its variants run on it. More of them on demand:
WHISPR_SHAPES=300 WHISPR_VARIANTS=20 in the environment.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.adapters.compiling import Ahead, Ready, compile_all
from tests.unit.rules.properties.harness import Run, loaded, run, strategy, written
from tests.unit.rules.properties.random_markets import SYMBOLS, random_market
from tests.unit.rules.properties.random_rules import random_rule
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.rules.alike import LEAST
from whispr_daemon.rules.jit import Compiler, Function, Recipe
from whispr_daemon.rules.rule import Rule

# Compiling takes long. These have all the language between them that thirty shapes have, but for
# indicators, whose folds are compiled in a test of their own.
FEW = [2, 5, 6, 9, 11, 12, 13, 15, 21, 22, 25, 28]
ASKED = "WHISPR_SHAPES" in os.environ
SHAPES = list(range(int(os.environ["WHISPR_SHAPES"]))) if ASKED else FEW
VARIANTS = int(os.environ.get("WHISPR_VARIANTS", "170"))
DEPTH = 1  # of conditions: what takes long is compiling


def variants(shape: int, count: int = VARIANTS) -> tuple[Rule, ...]:
    return loaded(random_rule(shape, numbers, DEPTH) for numbers in range(count))


def bent(recipe: Recipe) -> Recipe:
    """Return a recipe that writes down other values, if it writes down any."""
    names = ((name, bent(of) if isinstance(of, Recipe) else of) for name, of in recipe.names)
    text = recipe.text.replace("= float(v", "= -float(v")
    return recipe._replace(text=text, names=tuple(names))


def market(shape: int) -> Rows:
    return random_market(shape, brief=True).rows


class Changing:
    """A Compiler that is another one later on. Loops of many rules it has on demand only.

    They take longest to compile, and their text is held to that of their parts in test_fused.
    """

    def __init__(self, first: Compiler) -> None:
        self.now = first
        self.asked: set[Recipe] = set()

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        if recipe.name == "fused" and not ASKED:
            return None
        self.asked.add(recipe)
        return self.now.compiled(recipe, rows)


class Shape:
    """The variants of a shape at work, and what they said and left as they are written."""

    def __init__(self, number: int, ahead: Ahead) -> None:
        self.rules, self.rows = variants(number), market(number)
        self.compiler = Changing(ahead)
        self._at_work = strategy(self.rules, self.compiler)
        self._cold = self._at_work.snapshot()
        self.plain = self.run()

    @property
    def recipes(self) -> set[Recipe]:
        """What its rules are compiled from; one, or few where a number decides of the form."""
        return {turn.program.recipe for one in self._at_work._running for turn in one.turns}

    def run(self) -> Run:
        """Fold the market from the beginning."""
        self._at_work.restore(self._cold)
        said = written(self._at_work.on_batch(Batch(self.rows, SYMBOLS)))
        return Run(said, self._at_work.snapshot())

    def run_compiled(self, compiler: Compiler) -> Run:
        """Do so with what is compiled."""
        self.compiler.now = compiler
        return self.run()


class Kernels:
    """All shapes, and their kernels."""

    def __init__(self, folder: Path) -> None:
        ahead = Ahead(folder)
        for shape in SHAPES:  # begin to compile: one of them needs what the others do
            run(variants(shape, LEAST), market(shape), compiler=Changing(ahead))
        self.shapes = [Shape(shape, ahead) for shape in SHAPES]
        self.ready = ahead.ready()


@pytest.fixture(scope="module")
def kernels(kernel_folder: Path) -> Iterator[Kernels]:
    return Kernels(kernel_folder)


@pytest.mark.timeout(0 if ASKED else 600)
@pytest.mark.parametrize("place", range(len(SHAPES)), ids=map(str, SHAPES))
def test_a_compiled_shape(place: int, kernels: Kernels) -> None:
    one = kernels.shapes[place]
    assert one.run_compiled(kernels.ready) == one.plain


def test_compiled_and_not_in_turns(kernels: Kernels) -> None:
    class Sometimes(Ready):
        """Has a kernel every other time it is asked."""

        asked = 0

        def compiled(self, recipe: Recipe, rows: int) -> Function | None:  # type: ignore[override]
            self.asked += 1
            return None if self.asked % 3 else self.functions[recipe]

    compiler = Changing(Sometimes(kernels.ready.functions))
    for one in kernels.shapes[:1]:
        cuts = range(50, len(one.rows), 50)
        assert run(one.rules, one.rows, cuts, compiler=compiler, restart=True) == one.plain


def test_the_shapes_say_something(kernels: Kernels) -> None:
    speaking = [one for one in kernels.shapes if len(one.plain.said) > VARIANTS]
    assert len(speaking) > len(SHAPES) * 2 // 3
    shared = [one.recipes for one in kernels.shapes]
    assert sum(map(len, shared)) < 2 * len(SHAPES)  # compiled once a shape, not once a variant
    assert len(set.union(*shared)) >= len(SHAPES)


def test_many_rules_of_a_shape_are_folded_by_one_kernel(kernels: Kernels) -> None:
    assert (
        sum(any(one.name == "many" for one in each.compiler.asked) for each in kernels.shapes) > 5
    )


def test_a_kernel_that_differs_is_caught(kernels: Kernels, kernel_folder: Path) -> None:
    one = max(kernels.shapes, key=lambda shape: len(shape.plain.said))
    differing = {recipe: bent(recipe) for recipe in one.compiler.asked}
    wrong = {recipe: other for recipe, other in differing.items() if other != recipe}
    assert len(wrong) == len(one.recipes)
    for recipe, other in wrong.items():
        made = compile_all([other], kernel_folder).functions[other]
        broken = Ready({**kernels.ready.functions, recipe: made})
        assert one.run_compiled(broken) != one.plain
