"""Firing, warm-up, sessions, order of outputs, and independence of how batches are cut."""

from typing import Any

import numpy as np
import pytest

from tests.unit.rules.bars import bar_rows, close_rows, ns
from tests.unit.rules.market import daily_row, engine, fired, fold, minute_row, rule_of
from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.outputs import Alert, Signal
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.ports.strategy import ColumnarStrategy, Snapshotting, Warming
from whispr_daemon.rules.load import RuleFile, load

START = ns("2026-06-24", "09:30")


def said(condition: str, closes: list[float | None], **how: Any) -> list[str]:
    return fired(fold(engine(rule_of(condition), **how), close_rows(closes, START)))


# --- firing, section 5.2
def test_a_condition_fires_on_its_rising_edge_only() -> None:
    assert said("price > 10", [9, 11, 12, 9, 11]) == ["S0", "S0"]


def test_true_at_the_start_is_no_edge() -> None:
    assert said("price > 10", [11, 12, 9, 11]) == ["S0"]


def test_na_to_true_is_no_edge() -> None:
    undefined_at_ten = "1 / (price - 10) > 0"
    assert said(undefined_at_ten, [9, 10, 11, 9, 11]) == ["S0"]


def test_a_gap_in_the_data_makes_a_condition_unknown_again() -> None:
    assert said("price > 10", [9, None, None, 11]) == ["S0"]  # three minutes: not longer
    assert said("price > 10", [9, None, None, None, 11]) == []


def test_the_night_is_no_gap() -> None:
    rows = np.concatenate(
        [minute_row("2026-06-23", "15:59", 9.0), minute_row("2026-06-24", "09:30", 11.0)]
    )
    assert fired(fold(engine(rule_of("price > 10")), rows)) == ["S0"]


def test_every_cross_sees_every_bar_whatever_stands_left_of_it() -> None:
    assert said("price > 20 and cross(price, 10)", [9, 11, 9]) == []
    assert said("price > 10.5 and cross(price, 10)", [9, 10.2, 11, 9, 11]) == ["S0 up"]


def test_an_event_and_a_condition_is_an_event() -> None:
    assert said("cross_up(price, 10) and price > 0", [9, 11, 9, 11]) == ["S0 up", "S0 up"]
    assert said("cross(price, 10) or cross(price, 12)", [9, 11, 13, 9]) == [
        "S0 up",
        "S0 up",
        "S0 down",
    ]


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("na > 1", "na"),
        ("na > 1 and price < 0", "false"),
        ("na > 1 and price > 0", "na"),
        ("na > 1 or price > 0", "true"),
        ("not (na > 1)", "na"),
        ("not (price > 0)", "false"),
        ("0 < price < 20", "true"),
        ("0 < price < 5", "false"),
        ("price in [1, 10]", "true"),
        ("price / 0 > 1", "na"),
        ("1e308 * 1e308 > 1", "na"),
        ("max(1, na, 3) > 1", "na"),
        ("max(1, 5, 3) == 5 and min(4, 2) == 2 and abs(-3) == 3", "true"),
        ("2% == 0.02", "true"),
        ("1 + 2 * 3 - 4 / 2 == 5 and -price == 0 - price", "true"),
        ("hl2 == (high + low) / 2 and hlc3 > 9 and ohlc4 > 9", "true"),
        ("price[1] == 9 and price[0] == 10", "true"),
        ("true and not false", "true"),
        ("PRICE == Close", "true"),
    ],
)
def test_values_of_conditions(condition: str, value: str) -> None:
    text = f"name: r\nlogic: [{{if: 'cross_up(price, 9.5)', then: ['alert:{{{condition}}}']}}]"
    (rule,) = load([RuleFile("t.yaml", text)]).rules
    outputs = fold(engine(rule), close_rows([9, 10], START))
    assert [said.message for said in outputs if isinstance(said, Alert)] == [value]


# --- warm-up
def test_nothing_fires_or_arms_before_what_the_rule_reads_is_warm() -> None:
    closes: list[float | None] = [11.0, 9.0, 11.0, 12.0, 9.0, 12.0]
    assert said("price > SMA3", closes) == ["S0"]  # the third bar's edge does not count
    assert said("cross(price, SMA3)", closes) == ["S0 down", "S0 up"]


def test_an_earlier_value_is_ready_when_it_has_itself_been_formed() -> None:
    strategy = engine(rule_of("price > 10 or EMA3[2] < 0"))
    assert fired(fold(strategy, close_rows([9.0, 9.0, 9.0, 9.0], START))) == []
    assert strategy.warmup() == {"r SPY": "warming 2/3 bars"}  # of EMA3, which began two bars ago
    assert fired(fold(strategy, close_rows([9.0, 11.0], START + 4 * MINUTE))) == ["S0"]


def test_live_a_rule_waits_until_averages_have_converged() -> None:
    strategy = engine(rule_of("price > EMA13"), require="converged")
    wave = [10.0 + (place % 7) for place in range(102)]
    assert fold(strategy, close_rows(wave, START)) == []
    assert strategy.warmup() == {"r SPY": "warming 102/103 bars"}
    start = START + 102 * MINUTE
    assert fold(strategy, close_rows([0.0, 50.0], start)) != []
    assert strategy.warmup() == {}


def test_a_rule_may_ask_for_less_or_more() -> None:
    formed = rule_of("price > SMA3", inputs="{warmup: {require: formed}}")
    assert fired(fold(engine(formed, require="converged"), close_rows([9, 9, 8, 9], START))) == [
        "S0"
    ]
    more = rule_of("price > SMA3", inputs="{warmup: {bars: 5}}")
    strategy = engine(more)
    assert fired(fold(strategy, close_rows([9, 9, 8, 9], START))) == []
    assert strategy.warmup() == {"r SPY": "warming 4/5 bars"}


def test_warmup_counts_daily_bars_and_named_symbols_not_yet_seen() -> None:
    strategy = engine(
        rule_of("cross(price, atr.38)", inputs="{symbols: [SPY, QQQ]}"), require="converged"
    )
    fold(strategy, daily_row("2026-06-23", 3.0, 1.0, 2.0))
    assert strategy.warmup() == {
        "r SPY": "warming 1/201 daily bars",
        "r QQQ": "warming 0/201 daily bars",
    }


# --- which bars
def test_only_bars_of_the_regular_session_exist_for_a_rule() -> None:
    rows = np.concatenate(
        [
            minute_row("2013-11-29", "09:30", 9.0),
            minute_row("2013-11-29", "09:31", 11.0),
            minute_row("2013-11-29", "12:59", 9.0),
            minute_row("2013-11-29", "13:00", 11.0),  # a half day: shut
            minute_row("2013-12-02", "09:29", 11.0),
            minute_row("2013-12-02", "09:30", 9.0),
        ]
    )
    assert fired(fold(engine(rule_of("cross(price, 10)")), rows)) == ["S0 up", "S0 down"]
    extended = rule_of("cross(price, 10)", inputs="{session: eth}")
    assert len(fired(fold(engine(extended), rows))) == 4
    always = rule_of("cross(price, 10)", inputs="{session: 24x7}")
    assert len(fired(fold(engine(always), rows))) == 4


def test_other_timeframes_and_other_symbols_are_not_seen() -> None:
    rule = rule_of("cross(price, 10)", inputs="{timeframe: 5m, symbols: [QQQ]}")
    minutes = close_rows([9, 11, 9], START)
    fives = bar_rows([(START + n * 5 * MINUTE, p, p, p, p) for n, p in ((1, 9.0), (2, 11.0))], "5m")
    assert fold(engine(rule), minutes, ["QQQ"]) == []
    assert fold(engine(rule), fives, ["SPY"]) == []
    assert fired(fold(engine(rule), fives, ["QQQ"])) == ["S0 up"]


def test_a_rule_without_symbols_is_about_the_watchlist() -> None:
    rows = close_rows([9, 11], START)
    watching = {"watchlist": ("QQQ",)}
    assert fold(engine(rule_of("cross(price, 10)"), **watching), rows) == []
    everything = rule_of("cross(price, 10)", inputs="{symbols: ['*']}")
    assert fired(fold(engine(everything, **watching), rows)) == ["S0 up"]


def test_instruments_have_their_own_calendars() -> None:
    sunday = ns("2026-06-28", "12:00")
    strategy = engine(rule_of("cross(price, 10)"), calendars={"BTCUSD": "24/7"})
    rows = close_rows([9, 11], sunday)
    assert fold(strategy, rows, ["SPY"]) == []
    assert fired(fold(strategy, rows, ["BTCUSD"])) == ["S0 up"]


# --- outputs
def test_outputs_come_by_priority_name_clause_and_action() -> None:
    then = "['emit:A:0.5', 'alert:warn:{{price:.1f}} {{dir}}{{gap}}']"
    clause = f"  - {{{{if: 'price > 10', then: {then}}}}}\n"
    text = "name: {}\npriority: {}\nlogic:\n" + 2 * clause
    files = [RuleFile(n, text.format(n, p)) for n, p in (("low", 0), ("b", 5), ("a", 5))]
    outputs = fold(engine(*load(files).rules), close_rows([9, 11], START))
    spoken = [(one.origin, one.data["clause"], one.name) for one in outputs]
    assert spoken == [
        (rule, clause, name)
        for rule in ("a", "b", "low")
        for clause in ("logic[0]", "logic[1]")
        for name in ("A", "warn")
    ]
    signal, alert = outputs[:2]
    assert isinstance(signal, Signal)
    assert isinstance(alert, Alert)
    assert (signal.strength, signal.price, signal.level, signal.ts_event) == (
        0.5, 11.0, None, START + 2 * MINUTE,
    )  # fmt: skip
    assert alert.message == "11.0 false"
    assert signal.version.startswith("sha256:")


# --- the port
def test_on_daily_bars_the_levels_are_those_of_the_day_before() -> None:
    inputs = "{timeframe: 1d, atr: {length: 1}}"
    days = [("2026-06-22", 10.0), ("2026-06-23", 9.0), ("2026-06-24", 11.0), ("2026-06-25", 10.0)]
    rows = np.concatenate([daily_row(day, close, close, close) for day, close in days])
    outputs = fold(engine(rule_of("price > atr.pdc", inputs=inputs)), rows)
    assert [one.price for one in outputs] == [11.0]


def test_it_is_a_columnar_strategy_that_snapshots_and_says_how_warm_it_is() -> None:
    strategy = engine(rule_of("price > 10"))
    assert all(isinstance(strategy, port) for port in (ColumnarStrategy, Snapshotting, Warming))


def test_a_calendar_of_the_settings_must_exist() -> None:
    with pytest.raises(SettingsError, match="no calendar named 'NYSE2'"):
        engine(calendar="NYSE2")


def test_trades_quotes_and_clock_ticks_are_passed_over() -> None:
    rows = close_rows([9, 11], START)
    rows["kind"] = 2
    assert list(engine(rule_of("price > 10")).on_batch(Batch(rows, ["SPY"]))) == []
