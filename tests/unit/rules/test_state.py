"""State of the rules: however batches are cut, wherever it restarts, whatever clauses change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.bars import close_rows, ns
from tests.unit.rules.market import daily_row, engine, fired, fold, minute_row, rule_of
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.strategy import RulesStrategy

START = ns("2026-06-24", "09:30")


def many_rules() -> RulesStrategy:
    return engine(
        rule_of("cross(atr.38, price)", "EMA3 >= SMA5", name="a"),
        rule_of("cross(EMA3, ema(hl2, 5)) or cross(price, RSI3)", "RMA3[2] < ATR3", name="b"),
        rule_of("price > atr.pdc", "atr.pct > 50", name="c", inputs="{atr: {length: 2}}"),
        pinned_levels={("QQQ", None): (12.0, 2.0)},
    )


@st.composite
def markets(draw: st.DrawFn) -> Rows:
    """Bars of two instruments over three days, with gaps, repeats and daily bars."""
    rows = []
    for day in ("2026-06-22", "2026-06-23", "2026-06-24"):
        for minute in range(draw(st.integers(0, 12))):
            for code in (0, 1):
                if draw(st.booleans()):
                    row = minute_row(
                        day, f"09:{30 + minute}", draw(st.sampled_from([9.0, 11.0, 13.5]))
                    )
                    row["instrument"] = code
                    rows += [row] * draw(st.sampled_from([1, 1, 1, 2]))
        if draw(st.booleans()):
            rows.append(daily_row(day, 14.0, 8.0, 11.0))
    return np.concatenate(rows) if rows else close_rows([], START)


@settings(max_examples=40)
@given(markets(), st.data())
def test_however_batches_are_cut_and_wherever_it_restarts_nothing_changes(
    rows: Rows, data: st.DataObject
) -> None:
    symbols = ["SPY", "QQQ"]
    once = many_rules()
    whole = fold(once, rows, symbols)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    strategy = many_rules()
    pieces = []
    for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        pieces += fold(strategy, rows[first:last], symbols)
        body = strategy.snapshot()
        strategy = many_rules()
        strategy.restore(body)
        assert strategy.snapshot() == body
    assert pieces == whole
    assert strategy.snapshot() == once.snapshot()


def test_a_changed_clause_starts_unarmed_and_the_others_go_on() -> None:
    before = engine(rule_of("cross(price, 10)", "cross(price, 20)"))
    fold(before, close_rows([9.0], START))
    after = engine(rule_of("cross(price, 10)", "cross(price, 10.5)"))
    after.restore(before.snapshot())
    assert fired(fold(after, close_rows([11.0], START + MINUTE))) == ["S0 up"]


def test_a_new_rule_finds_the_indicators_of_the_old_ones_warm() -> None:
    before = engine(rule_of("price > EMA3", name="old"))
    fold(before, close_rows([9.0, 9.0, 9.0], START))
    after = engine(rule_of("price < 0 or price > EMA3", name="new"))
    after.restore(before.snapshot())
    assert after.warmup() == {}
    assert fired(fold(after, close_rows([8.0, 11.0], START + 3 * MINUTE))) == ["S0"]


def test_restoring_leaves_the_snapshot_alone() -> None:
    first = engine(rule_of("price > EMA3"))
    fold(first, close_rows([9.0], START))
    body = first.snapshot()
    second = engine(rule_of("price > EMA3"))
    second.restore(body)
    fold(second, close_rows([11.0], START + MINUTE))
    assert first.snapshot() == body


def test_what_is_not_a_snapshot_is_refused() -> None:
    with pytest.raises(StrategyFailed, match="not a snapshot of rules"):
        engine().restore(b"\x01")


def test_rules_that_differ_only_in_numbers_share_one_function() -> None:
    strategy = engine(rule_of("cross(price, 10)", name="a"), rule_of("cross(price, 20)", name="b"))
    a, b = (running.turns[0] for running in strategy._running)
    assert a.program.fold is b.program.fold
