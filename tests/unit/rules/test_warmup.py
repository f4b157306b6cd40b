"""What many rules wait for is told of some of them, and of how many others."""

from tests.unit.rules.bars import close_rows, ns
from tests.unit.rules.market import engine, fold, rule_of
from whispr_daemon.domain.timeframe import MINUTE

START = ns("2026-06-24", "09:30")


def test_a_hundred_are_named_and_the_others_counted() -> None:
    strategy = engine(*(rule_of("price > SMA5", name=f"r{each:03}") for each in range(130)))
    fold(strategy, close_rows([9.0, 9.0], START))
    told = strategy.warmup()
    assert told.pop("…") == "30 more rules are warming"
    assert told == {f"r{each:03} SPY": "warming 2/5 bars" for each in range(100)}

    fold(strategy, close_rows([9.0, 9.0, 9.0], START + 2 * MINUTE))
    assert strategy.warmup() == {}


def test_of_a_count_that_rules_share_each_is_told_what_is_its_own() -> None:
    strategy = engine(
        rule_of("price > SMA3", name="short"),
        rule_of("price > SMA5", name="long"),
        rule_of("price > SMA5", name="other", inputs="{symbols: [QQQ]}"),
        rule_of("price > 1", name="ready"),
    )
    fold(strategy, close_rows([9.0, 9.0, 9.0, 9.0], START))
    assert strategy.warmup() == {
        "long SPY": "warming 4/5 bars",
        "other QQQ": "warming 0/5 bars",
    }
    fold(strategy, close_rows([9.0], START + 4 * MINUTE), symbols=("QQQ",))
    assert strategy.warmup() == {
        "short QQQ": "warming 1/3 bars",
        "long SPY": "warming 4/5 bars",
        "long QQQ": "warming 1/5 bars",
        "other QQQ": "warming 1/5 bars",
    }
