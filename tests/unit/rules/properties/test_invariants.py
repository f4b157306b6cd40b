"""What comes out depends on the market and on the rules, and on nothing else.

Each property is also looked for in an engine that is broken on purpose, where it must be missed.
"""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from tests.unit.rules.properties.harness import Run, loaded, run, strategy, written
from tests.unit.rules.properties.random_markets import SYMBOLS, random_market
from tests.unit.rules.properties.random_rules import random_rule
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.strategy import RulesStrategy

SETS = 4  # of rules, each with a market of its own
RULES = 10  # in a set


def rules_of(number: int) -> tuple[Rule, ...]:
    return loaded(random_rule(1000 * number + n, n) for n in range(RULES))


def cuts_of(number: int, rows: Rows, count: int) -> list[int]:
    return sorted(Random(number).choices(range(len(rows) + 1), k=count))


# --- the properties: what an engine does that keeps them
Engine = Callable[..., Run]


def cut_anywhere(engine: Engine, rules: tuple[Rule, ...], rows: Rows) -> bool:
    """However a batch is cut, outputs and state are the same."""
    whole = engine(rules, rows)
    return all(
        engine(rules, rows, cuts) == whole for cuts in (cuts_of(1, rows, 7), cuts_of(2, rows, 60))
    )


def restarted_anywhere(engine: Engine, rules: tuple[Rule, ...], rows: Rows) -> bool:
    """A process that goes on from a snapshot says what the one before would have said."""
    return engine(rules, rows, cuts_of(3, rows, 12), restart=True) == engine(rules, rows)


def no_look_ahead(engine: Engine, rules: tuple[Rule, ...], rows: Rows) -> bool:
    """What is said of the first rows is what is said first of all rows."""
    whole = engine(rules, rows).said
    parts = (engine(rules, rows[:end]).said for end in cuts_of(4, rows, 5))
    return all(part == whole[: len(part)] for part in parts)


def in_any_order(engine: Engine, rules: tuple[Rule, ...], rows: Rows) -> bool:
    """The order of files does not matter."""
    return engine(rules[::-1], rows) == engine(rules, rows)


PROPERTIES = (cut_anywhere, restarted_anywhere, no_look_ahead, in_any_order)


@pytest.mark.parametrize("number", range(SETS))
@pytest.mark.parametrize("holds", PROPERTIES)
def test_it_holds(number: int, holds: Callable[..., bool]) -> None:
    assert holds(run, rules_of(number), random_market(number, brief=True).rows)


def test_row_by_row_with_a_restart_after_each() -> None:
    rules, rows = rules_of(3)[:4], random_market(3).rows[:150]
    assert run(rules, rows, range(1, len(rows)), restart=True) == run(rules, rows)


# --- engines that are broken on purpose
def forgets_at_cuts(
    rules: tuple[Rule, ...], rows: Rows, cuts: list[int] | tuple[()] = (), *, restart: bool = False
) -> Run:
    """Starts every batch cold."""
    said: list[str] = []
    at_work = strategy(rules)
    for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        at_work = strategy(rules)
        said += written(at_work.on_batch(Batch(rows[first:last], SYMBOLS)))
    return Run(said, at_work.snapshot())


def sees_the_next_bar(rules: tuple[Rule, ...], rows: Rows) -> Run:
    """Takes each bar for the one after it."""
    early = rows.copy()
    for code in range(len(SYMBOLS)):
        (mine,) = ((rows["instrument"] == code) & (rows["kind"] == Kind.BAR)).nonzero()
        for field in ("high", "low", "close"):
            early[field][mine[:-1]] = rows[field][mine[1:]]
    return run(rules, early)


def one_by_one(rules: tuple[Rule, ...], rows: Rows) -> Run:
    """Runs the files one after the other."""
    runs = [run([rule], rows) for rule in rules]
    return Run([said for one in runs for said in one.said], b"")


@pytest.mark.parametrize(
    ("holds", "engine"),
    [
        (cut_anywhere, forgets_at_cuts),
        (restarted_anywhere, forgets_at_cuts),
        (no_look_ahead, sees_the_next_bar),
        (in_any_order, one_by_one),
    ],
)
def test_a_broken_engine_is_caught(holds: Callable[..., bool], engine: Engine) -> None:
    assert not holds(engine, rules_of(0), random_market(0, brief=True).rows)


def test_the_rules_say_enough_to_be_a_test() -> None:
    said = [run(rules_of(number), random_market(number).rows).said for number in range(3)]
    assert all(len(lines) > 200 for lines in said)
    kinds = {line.partition("(")[0] for lines in said for line in lines}
    assert kinds == {"Signal", "Alert", "Audit"}


def test_the_snapshot_is_the_whole_state() -> None:
    rules, rows = rules_of(5), random_market(5).rows
    at_work: RulesStrategy = strategy(rules)
    list(at_work.on_batch(Batch(rows, SYMBOLS)))
    fresh = strategy(rules)
    fresh.restore(at_work.snapshot())
    assert fresh.snapshot() == at_work.snapshot()
    assert np.any(rows["kind"] == Kind.TRADE)
