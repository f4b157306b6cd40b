"""Rules in one loop with what they read say what they say apart, and leave the same state.

Mostly the loop runs as it is written, not compiled: its text is what a compiler gets.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.adapters.compiling import compile_all
from tests.unit.rules.properties.harness import loaded, run
from tests.unit.rules.properties.random_markets import random_market
from tests.unit.rules.properties.random_rules import random_rule
from whispr_daemon.rules.jit import Function, Recipe
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.rules.rule import Rule


class Fusing:
    """A Compiler of loops over all that a clock's rules read, and of nothing else."""

    def __init__(self) -> None:
        self.runs: dict[Recipe, int] = {}

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        if recipe.name != "fused":
            return None
        kernel = executed(recipe)

        def counted(*given: object) -> Any:
            self.runs[recipe] = self.runs.get(recipe, 0) + 1
            return kernel(*map(viewed, given))

        return counted


def executed(recipe: Recipe) -> Function:
    """Return what the text of a recipe defines."""
    names = {name: executed(of) if isinstance(of, Recipe) else of for name, of in recipe.names}
    exec(recipe.text, names)
    function: Function = names[recipe.name]
    return function


def viewed(given: Any) -> Any:
    """Return arrays as views, which hand out Python's numbers."""
    if isinstance(given, np.ndarray):
        return given.data
    if isinstance(given, tuple):
        parts = map(viewed, given)
        return type(given)(*parts) if hasattr(given, "_fields") else tuple(parts)
    return given


def said_by(*files: str) -> tuple[Rule, ...]:
    """Return rules of documents."""
    return loaded(RuleFile(f"{number}.yaml", text) for number, text in enumerate(files))


GATE = """
name: gate
logic:
  - {if: "cross(price, atr.38)", max_fires: {count: 2, per: session}, then: ["emit:gate"]}
  - {if: "wma(high, 3) >= hma(rma(close, 3), 4) and sum(volume, 5) > 0", then: ["emit:above"]}
"""
RIBBON = """
name: ribbon
logic:
  - {if: "ema(close, 3) >= ema(close, 8)", for: 2m, then: ["emit:up"]}
  - {if: "ema(close, 3) < sma(hl2, 8)", then: ["emit:down", "alert:{atr(3):.2f}"]}
"""
# Little, as it is compiled.
ABOVE = """
name: above
logic: [{if: "close > atr.38 and ema(close, 3) > 0", then: ["emit:above"]}]
"""
RISEN = """
name: risen
logic: [{if: "close > open", then: ["emit:risen"]}]
"""


def test_indicators_of_indicators_and_levels_are_values_of_one_loop() -> None:
    rules, rows = said_by(GATE, RIBBON), random_market(5, brief=True).rows
    cuts = [7, 400, 1_000]
    apart = run(rules, rows, cuts, restart=True)
    compiler = Fusing()
    assert run(rules, rows, cuts, compiler=compiler, restart=True) == apart
    (recipe,) = compiler.runs
    assert recipe.text.count("taken(") >= 7
    assert len(apart.said) > 40


def test_a_loop_that_is_compiled_is_the_one_that_is_written(kernel_folder: Path) -> None:
    rules, rows = said_by(ABOVE, RISEN), random_market(5, brief=True).rows
    cuts = [7, 400, 1_000]
    apart = run(rules, rows, cuts, restart=True)
    compiler = Fusing()
    assert run(rules, rows, cuts, compiler=compiler, restart=True) == apart
    (recipe,) = compiler.runs
    made = compile_all([recipe], kernel_folder).functions[recipe]

    class Compiled:
        """Has that one kernel every other time it is asked."""

        asked = 0

        def compiled(self, asked: Recipe, rows: int) -> Function | None:
            self.asked += asked == recipe
            return made if asked == recipe and self.asked % 2 else None

    assert run(rules, rows, compiler=Compiled()) == run(rules, rows)
    assert run(rules, rows, cuts, compiler=Compiled(), restart=True) == apart
    assert len(apart.said) > 20


def test_a_loop_is_compiled_after_what_it_is_made_of() -> None:
    class Asked:
        """Has no kernel; counts the rows of each it was asked for."""

        def __init__(self) -> None:
            self.rows: dict[str, list[int]] = {}

        def compiled(self, asked: Recipe, rows: int) -> Function | None:
            self.rows.setdefault(asked.name, []).append(rows)
            return None

    compiler = Asked()
    run(said_by(RISEN, ABOVE), random_market(5, brief=True).rows, compiler=compiler)
    fused = compiler.rows.pop("fused")
    assert len(compiler.rows) > 1
    assert all(2 * sum(fused) <= sum(rows) for rows in compiler.rows.values())


@pytest.mark.parametrize("seed", range(2))
def test_rules_of_a_clock_in_one_loop_are_the_same_rules(seed: int) -> None:
    rows = random_market(seed, brief=True).rows
    random = np.random.default_rng(seed)
    rules = loaded(random_rule(3 * seed + more, seed, 1) for more in range(3))
    cuts = sorted(random.integers(0, len(rows), 20).tolist())
    compiler = Fusing()
    restart = seed % 2 == 0
    fused = run(rules, rows, cuts, compiler=compiler, restart=restart)
    assert fused == run(rules, rows, cuts, restart=restart)
    assert sum(compiler.runs.values()) > 10
    assert len(fused.said) > 20
