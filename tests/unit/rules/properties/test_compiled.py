"""Compiled rules say what the rules as written say, and leave the same state.

Four shapes, each a whole rule document by chance, in forty variants that differ in every number:
lengths, levels, bounds, durations, parameters. Each shape has a market of its own. What a shape
needs is compiled once, all its variants run on it. Compiling takes long, so the run of thousands is
asked for: WHISPR_SHAPES=30 WHISPR_VARIANTS=70 in the environment.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.rules.jit.kernels import Ahead, Ready
from tests.unit.rules.properties.harness import Run, loaded, run
from tests.unit.rules.properties.random_markets import random_market
from tests.unit.rules.properties.random_rules import random_rule
from whispr_daemon.domain.batch import Rows
from whispr_daemon.rules.jit import Function, Recipe
from whispr_daemon.rules.rule import Rule

SHAPES = int(os.environ.get("WHISPR_SHAPES", "4"))
VARIANTS = int(os.environ.get("WHISPR_VARIANTS", "40"))
DEPTH = 1  # of conditions: what takes long is compiling


def variants(shape: int) -> tuple[Rule, ...]:
    return loaded(random_rule(shape, numbers, DEPTH) for numbers in range(VARIANTS))


def market(shape: int) -> Rows:
    return random_market(shape, brief=True).rows


class Kernels:
    """What the shapes say as they are written, and their kernels."""

    def __init__(self, folder: Path) -> None:
        ahead = Ahead(folder)
        self.rules = [variants(shape) for shape in range(SHAPES)]
        self.runs: list[Run] = [
            run(rules, market(shape), compiler=ahead) for shape, rules in enumerate(self.rules)
        ]
        self.ready = ahead.ready()


@pytest.fixture(scope="module")
def kernels(kernel_folder: Path) -> Iterator[Kernels]:
    return Kernels(kernel_folder)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("shape", range(SHAPES))
def test_a_compiled_shape(shape: int, kernels: Kernels) -> None:
    rules, rows = kernels.rules[shape], market(shape)
    assert run(rules, rows, compiler=kernels.ready) == kernels.runs[shape]


def test_compiled_and_not_in_turns(kernels: Kernels) -> None:
    class Sometimes(Ready):
        """Has a kernel every other time it is asked."""

        asked = 0

        def compiled(self, recipe: Recipe, rows: int) -> Function | None:  # type: ignore[override]
            self.asked += 1
            return None if self.asked % 3 else self.functions[recipe]

    rules, rows = kernels.rules[0], market(0)
    compiler = Sometimes(kernels.ready.functions)
    cuts = range(50, len(rows), 50)
    assert run(rules, rows, cuts, compiler=compiler, restart=True) == kernels.runs[0]


def test_the_shapes_say_something(kernels: Kernels) -> None:
    speaking = [one for one in kernels.runs if len(one.said) > VARIANTS]
    assert len(speaking) > SHAPES * 2 // 3
    steps = [recipe for recipe in kernels.ready.functions if recipe.name == "fold"]
    assert len(steps) <= 3 * SHAPES  # a shape is compiled once, not once a variant


def test_a_kernel_that_differs_is_caught(kernels: Kernels, kernel_folder: Path) -> None:
    right = kernels.ready.functions
    bent = {recipe: bend(recipe) for recipe in right if " >= " in recipe.text}
    few = dict(list(bent.items())[:1])
    wrong = Ahead(kernel_folder)
    for recipe in few.values():
        wrong.compiled(recipe, 1)
    made = wrong.ready().functions
    broken = Ready({**right, **{recipe: made[other] for recipe, other in few.items()}})
    differing = 0
    for shape in range(3):
        got = run(kernels.rules[shape], market(shape), compiler=broken)
        differing += got != kernels.runs[shape]
    assert differing > 0


def bend(recipe: Recipe) -> Recipe:
    """Return a recipe that means something else: > for >=, in generated functions."""
    return recipe._replace(text=recipe.text.replace(" >= ", " > "))
