"""Compiled or not, from one batch to the next and however they are cut: the same."""

from random import Random

import numpy as np
import pytest

from tests.unit.rules.properties.harness import interpreted, loaded, run
from tests.unit.rules.properties.random_markets import random_market
from tests.unit.rules.properties.random_rules import random_rule
from whispr_daemon.domain.batch import Rows
from whispr_daemon.rules.alike import LEAST
from whispr_daemon.rules.jit import Function, Recipe
from whispr_daemon.rules.rule import Rule

SHAPES = 10_000
LEARNED = 12  # rows of days before
FOLDED = 60


class Sometimes:
    """A Compiler that has a kernel, or has it not, each time it is asked."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._made: dict[Recipe, Function] = {}

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        if self._random.random() < 0.3:
            return None
        if recipe not in self._made:
            self._made[recipe] = interpreted(recipe)
        return self._made[recipe]


def rules(random: Random) -> tuple[Rule, ...]:
    """Some rules of a shape each, and so many of one shape that they are folded together."""
    shapes = [random.randrange(SHAPES) for _ in range(2)]
    files = [random_rule(shape, number, 2) for number, shape in enumerate(shapes)]
    together = random.randrange(SHAPES)
    return loaded([*files, *(random_rule(together, 100 + n, 1) for n in range(LEAST))])


def market(seed: int, random: Random) -> Rows:
    """The days before, and a part of what comes then."""
    whole = random_market(seed, brief=True).rows
    begin = random.randrange(LEARNED, len(whole) - FOLDED)
    return np.concatenate([whole[:LEARNED], whole[begin : begin + FOLDED]])


def cuts(rows: Rows, random: Random) -> list[int]:
    """Places between batches of one row to two dozen."""
    places = [0]
    while places[-1] < len(rows):
        places.append(places[-1] + random.choice([1, 1, 2, 5, 9, 24]))
    return places[1:-1]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # arrays warn of what a kernel does not
@pytest.mark.parametrize(("seed", "restart"), [(1, True), (2, False), (3, False)])
def test_kernels_in_turns_with_what_they_are_made_of(seed: int, restart: bool) -> None:
    random = Random(seed)
    some, rows = rules(random), market(seed, random)
    pieces = cuts(rows, random)
    compiler = Sometimes(random)
    assert run(some, rows, pieces, compiler=compiler, restart=restart) == run(some, rows)
