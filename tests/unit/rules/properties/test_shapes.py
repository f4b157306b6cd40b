"""Rules of the same shape share one function, however many they are and whatever their numbers."""

from collections.abc import Iterable

from tests.unit.rules.properties.harness import strategy
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule

MANY = 300
SHAPE = """
name: r{n}
params: {{bound: {bound}}}
vars: {{last: {{init: {bound}}}}}
when: "minutes_since_open > {n}"
logic:
  - id: dip
    if: "cross_up(RSI{length}, $bound) and price > ema(hl2, {length}) * 1.{n}"
    for: {length}m
    cooldown: {n}m
    max_fires: {{count: {length}, per: day}}
    then: ["emit:S{n}:0.{length}", "set:last=price - {bound}", "alert:at {{price:.2f}}"]
  - id: steps
    sequence: [{{one: "touch(atr.level(0.{n}))"}}, {{two: "count('S{n}', {n}m) > {length}"}}]
    within: {length}m
    then: [flatten]
"""


def rules(shape: str, numbers: Iterable[int]) -> tuple[Rule, ...]:
    found = load(
        [
            RuleFile(f"{n}.yaml", shape.format(n=n, bound=20 + n / 100, length=2 + n % 90))
            for n in numbers
        ]
    )
    assert found.errors == ()
    return found.rules


def functions(made: tuple[Rule, ...]) -> set[object]:
    """Return the functions that rules run, and what a compiler would be asked for."""
    turns = [turn for running in strategy(made)._running for turn in running.turns]
    recipes = {turn.program.recipe for turn in turns}
    assert len(recipes) == len({turn.program.fold for turn in turns})
    return recipes


def test_rules_that_differ_in_numbers_share_one_function() -> None:
    assert len(functions(rules(SHAPE, range(1, MANY + 1)))) == 1


def test_rules_that_differ_in_a_sign_do_not() -> None:
    other = SHAPE.replace("price >", "price <").replace("name: r", "name: other")
    assert len(functions((*rules(SHAPE, [1, 2]), *rules(other, [1, 2])))) == 2
