"""The rules become others at one place of the log: what has not changed keeps its state."""

import pytest

from tests.unit.rules.columns.telling import bars
from tests.unit.rules.market import fired, fold
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.outputs import Alert
from whispr_daemon.ports.strategy import Changing
from whispr_daemon.rules.change import RuleChange
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

SETTINGS = RuleSettings(require="formed")


def rule(name: str, condition: str, more: str = "") -> RuleFile:
    text = f"name: {name}\nlogic:\n  - {{if: '{condition}', {more}then: ['emit:{name}']}}\n"
    return RuleFile(f"{name}.yaml", text)


def change(strategy: RulesStrategy, *files: RuleFile, refused: tuple[str, ...] = ()) -> list[str]:
    body = RuleChange(files=files, refused=refused).encode()
    said = list(strategy.change(1, body, 5))
    assert all(isinstance(one, Alert) and one.severity == "error" for one in said)
    return [one.message for one in said if isinstance(one, Alert)]


def empty(**settings: int) -> RulesStrategy:
    return RulesStrategy([], RuleSettings(require="formed", **settings))  # type: ignore[arg-type]


def learned(strategy: RulesStrategy, rows: Rows) -> bool:
    """Teach it the log so far, if it needs that."""
    fresh = strategy.unlearned()
    if fresh is None:
        return False
    assert fold(fresh, rows) == []
    strategy.learn(fresh)
    return True


def test_it_is_built_empty_and_becomes_what_the_log_says() -> None:
    strategy = empty()
    assert isinstance(strategy, Changing)
    assert fold(strategy, bars("09:30", "9 11")) == []
    change(strategy, rule("a", "cross(price, 10)"))
    assert fired(fold(strategy, bars("09:32", "9 11"))) == ["a up"]


def test_a_pending_timer_of_a_neighbour_goes_on() -> None:
    strategy = empty()
    waiting = rule("a", "price > 10", "for: 2m, ")
    change(strategy, waiting)
    fold(strategy, bars("09:30", "9 11 11"))
    change(strategy, waiting, rule("b", "price > 20"))
    assert fired(fold(strategy, bars("09:33", "11"))) == ["a"]


def test_a_clause_that_has_changed_starts_unarmed() -> None:
    strategy = empty()
    change(strategy, rule("a", "cross(price, 10)"))
    fold(strategy, bars("09:30", "9"))
    change(strategy, rule("a", "cross(price, 10.5)"))
    assert fired(fold(strategy, bars("09:31", "11 9"))) == ["a down"]


def test_a_new_indicator_learns_the_log() -> None:
    strategy = empty()
    old = rule("a", "price > SMA2")
    change(strategy, old)
    learned(strategy, bars("09:30", "9")[:0])
    rows = bars("09:30", "5 5 5 5 5")
    fold(strategy, rows)
    change(strategy, old, rule("b", "price > SMA5 and price > close@5m"))
    assert strategy.warmup() == {"b SPY": "warming 0/5 bars"}
    assert learned(strategy, rows)
    assert strategy.warmup() == {}
    assert fired(fold(strategy, bars("09:35", "4 6"))) == ["a", "b"]


def test_nothing_is_learned_where_nothing_is_new() -> None:
    strategy = empty()
    change(strategy, rule("a", "price > SMA2"))
    learned(strategy, bars("09:30", "9")[:0])
    change(strategy, rule("a", "price < SMA2"))
    assert strategy.unlearned() is None


def test_an_instrument_that_nobody_wanted_is_learned() -> None:
    strategy = empty()
    named = RuleFile("a.yaml", rule("a", "price > SMA2").text + "inputs: {symbols: [QQQ]}\n")
    change(strategy, named)
    learned(strategy, bars("09:30", "9")[:0])
    rows = bars("09:30", "5 5")
    fold(strategy, rows)
    change(strategy, named, rule("b", "price > SMA2"))
    assert learned(strategy, rows)
    assert fired(fold(strategy, bars("09:32", "4 6"))) == ["b"]


def test_what_was_refused_is_told_by_one_partition() -> None:
    refused = ("b.yaml:1:1: E501 unknown key",)
    assert change(empty(), refused=refused) == list(refused)
    assert change(empty(partition=1, partitions=2), refused=refused) == []


def test_a_change_that_does_not_load_is_refused_by_name() -> None:
    with pytest.raises(StrategyFailed, match="does not load: a"):
        change(empty(), rule("a", "prcie > 1"))


def test_a_snapshot_is_restored_after_its_change() -> None:
    strategy, again = empty(), empty()
    files = (rule("a", "cross(price, 10)"),)
    change(strategy, *files)
    fold(strategy, bars("09:30", "9"))
    change(again, *files)
    again.restore(strategy.snapshot())
    assert again.unlearned() is None
    assert again.snapshot() == strategy.snapshot()
    assert fired(fold(again, bars("09:31", "11"))) == ["a up"]


def test_rules_that_hear_each_other_are_evaluated_row_by_row() -> None:
    strategy = empty()
    change(strategy, rule("b", "cross_up(price, 10)"), rule("a", 'emitted("b")'))
    assert fired(fold(strategy, bars("09:30", "9 11 9 11"))) == ["b up", "a", "b up", "a"]
