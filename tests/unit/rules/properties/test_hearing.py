"""Rules that hear each other say the same one after the other as row by row, however cut."""

import json
from random import Random
from typing import Any

import pytest

from tests.unit.rules.properties.harness import loaded, run, strategy, written
from tests.unit.rules.properties.random_markets import SYMBOLS, random_market
from whispr_daemon.domain.batch import Batch
from whispr_daemon.rules import hearing
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.rules.order import sayers_first
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.strategy import RulesStrategy

SETS = 16
RULES = 7
OWN = ("price > EMA5", "cross(price, SMA3)", "RSI2 > 60", "price < low[2]", "cross_up(price, open)")


def coupled(seed: int) -> tuple[Rule, ...]:
    """Return rules that ask for what those with smaller numbers say, in orders by chance."""
    draw = Random(seed)
    return loaded(
        RuleFile(f"{number}.yaml", json.dumps(document(draw, number))) for number in range(RULES)
    )


def document(draw: Random, number: int) -> dict[str, Any]:
    said = [f"S{max(number - draw.randrange(2), 0)}" for _ in range(2)]  # some say the same
    earlier = [f"S{at}" for at in range(number - 1)]
    rule: dict[str, Any] = {
        "name": f"r{draw.randrange(10**6)}_{number}",
        "priority": draw.choice((0, 0, 5)),
        "inputs": {
            "timeframe": draw.choice(("1m", "1m", "5m")),
            "symbols": draw.choice((["*"], ["SPY", "QQQ"])),
        },
        "logic": [clause(draw, name, earlier, at) for at, name in enumerate(said)],
    }
    if draw.random() < 0.2:
        rule["inputs"]["evaluate"] = "tick"
    if draw.random() < 0.15:
        rule["mode"] = "shadow"
    return rule


def clause(draw: Random, signal: str, earlier: list[str], at: int) -> dict[str, Any]:
    condition = draw.choice(OWN)
    if earlier:
        asked = draw.choice(earlier)
        heard = draw.choice(
            (
                f"emitted('{asked}')",
                f"since('{asked}') < {draw.randrange(1, 9)}m",
                f"count('{asked}', {draw.randrange(2, 12)}m) > {draw.randrange(3)}",
                f"count('{asked}', 'session') > {draw.randrange(5)}",
                f"count('{asked}', 'day') > {draw.randrange(5)}",
            )
        )
        condition = draw.choice((heard, f"{heard} {draw.choice(('and', 'or'))} {condition}"))
    written: dict[str, Any] = {"id": f"c{at}", "then": [f"emit:{signal}"]}
    if draw.random() < 0.2:
        steps = [{"one": condition}, {"two": draw.choice(OWN)}]
        return {**written, "sequence": steps, "within": "4m", "on_timeout": [f"emit:{signal}"]}
    return {**written, "if": condition, "edge": draw.choice(("auto", "every"))}


def by_row(rules: tuple[Rule, ...]) -> RulesStrategy:
    """Return rules that are folded row by row, as those that hear each other in a circle are."""
    made = strategy(rules)
    made._rounds._groups = [one._replace(apart=False) for one in made._rounds._groups]
    return made


@pytest.mark.parametrize("seed", range(SETS))
def test_one_after_the_other_is_row_by_row(seed: int) -> None:
    rules, rows = coupled(seed), random_market(seed, brief=True).rows
    slow = by_row(rules)
    said = written(slow.on_batch(Batch(rows, SYMBOLS)))
    whole = run(rules, rows)
    assert whole.said == said
    assert whole.state == slow.snapshot()
    cuts = sorted(Random(seed).choices(range(len(rows) + 1), k=9))
    assert run(rules, rows, cuts, restart=True) == whole


def test_single_rows() -> None:
    rules, rows = coupled(1), random_market(1, brief=True).rows[:150]
    assert run(rules, rows, range(1, len(rows))) == run(rules, rows)


def test_they_hear_each_other_and_not_in_a_circle() -> None:
    lines = 0
    for seed in range(SETS):
        rules = coupled(seed)
        assert sayers_first(rules) is not None
        groups = strategy(rules)._rounds._groups
        assert max(len(group.ranks) for group in groups) > RULES // 2
        lines += len(run(rules, random_market(seed, brief=True).rows).said)
    assert lines > 500 * SETS


def test_what_is_said_too_early_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row earlier, and some rule hears what was not said yet."""
    right = hearing._first_to_hear
    monkeypatch.setattr(
        hearing, "_first_to_hear", lambda said, job, begin: max(right(said, job, begin) - 1, begin)
    )
    differing = 0
    for seed in range(5):
        rules, rows = coupled(seed), random_market(seed, brief=True).rows
        slow = by_row(rules)
        differing += run(rules, rows).said != written(slow.on_batch(Batch(rows, SYMBOLS)))
    assert differing > 0
