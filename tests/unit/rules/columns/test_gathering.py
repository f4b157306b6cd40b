"""Bars made of finer bars and of trades; silent bars; flat bars; long bars."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.columns.telling import (
    bar,
    bars,
    market,
    same_however_cut,
    telling,
    texts,
    tick,
    told,
    trade,
)
from tests.unit.rules.market import daily_row
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.outputs import Output

FIVE = "{timeframe: 5m}"
OHLCV = ("open", "high", "low", "close", "volume")


def seen(rows: Rows, inputs: str = FIVE, *names: str) -> list[tuple[str, str]]:
    outputs: list[Output] = same_however_cut(telling(*(names or ("close",)), inputs=inputs), rows)
    return [(one.at, one.text) for one in told(outputs)]


def test_minutes_make_a_bar_of_five_at_the_row_whose_end_reaches_its_own() -> None:
    rows = bars("09:30", "1 2 9 4 5 6")
    assert seen(rows, FIVE, *OHLCV) == [("09:35:00", "1 10 0 5 50")]


def test_a_bar_without_its_last_minute_is_complete_at_the_next_row() -> None:
    assert seen(bars("09:30", "1 2 3 4 _ 6")) == [("09:35:00", "4")]


def test_a_clock_tick_completes_a_silent_bar() -> None:
    rows = market(bars("09:30", "1 2 3"), tick("09:34"), tick("09:35"), tick("09:36"))
    assert seen(rows) == [("09:35:00", "3")]


def test_a_silent_bar_is_complete_for_all_instruments_at_one_tick() -> None:
    rows = market(bar("09:30", 1.0), bar("09:30", 2.0, code=1), tick("09:35"))
    outputs = same_however_cut(telling("close", inputs=FIVE), rows, ("SPY", "QQQ"))
    assert [(one.symbol, one.text) for one in told(outputs)] == [("SPY", "1"), ("QQQ", "2")]


@pytest.mark.parametrize("calendars", [{}, {"BTCUSD": "24/7"}])
def test_a_clock_tick_may_come_before_any_instrument(calendars: dict[str, str]) -> None:
    rows = market(tick("09:30"), bars("09:30", "1 2"), tick("09:32"), tick("09:33"))
    rule = telling("close", inputs="{missing: carry}")
    outputs = same_however_cut(rule, rows, calendars=calendars)
    assert [(one.at, one.text) for one in told(outputs)] == [
        ("09:31:00", "1"),
        ("09:32:00", "2"),
        ("09:33:00", "2"),
    ]


def test_bars_of_the_timeframe_win_over_bars_made_of_others() -> None:
    rows = market(
        bars("09:30", "1 2 3 4 5 6 7 8 9"),
        bar("09:35", 100.0, timeframe="5m"),
        bars("09:39", "10 11 12 13 14 15"),
    )
    assert seen(rows) == [("09:35:00", "5"), ("09:40:00", "100")]


def test_an_instrument_stays_with_the_finer_bars_it_began_with() -> None:
    rows = market(
        bars("09:30", "1 2"),
        bar("09:30", 100.0, timeframe="2m"),
        bars("09:32", "3 4 5"),
    )
    assert seen(rows, FIVE, "close", "volume") == [("09:35:00", "5 50")]


def test_trades_make_bars_while_there_are_none() -> None:
    rows = market(
        trade("09:30", 1, 5.0),
        trade("09:30", 1, 7.0),
        trade("09:30", 59, 6.0),
        trade("09:31", 0, 8.0),
        tick("09:32"),
    )
    assert seen(rows, "{}", *OHLCV) == [("09:31:00", "5 7 5 6 3"), ("09:32:00", "8 8 8 8 1")]


def test_a_trade_that_is_late_by_no_more_than_the_grace_is_in_its_bar() -> None:
    rows = market(
        trade("09:30", 30, 5.0),
        trade("09:31", 1, 6.0),
        trade("09:30", 59.5, 9.0),
        trade("09:31", 1.5, 7.0),
        trade("09:30", 59.9, 99.0),
        tick("09:32"),
    )
    assert seen(rows, "{}", *OHLCV) == [("09:31:00", "5 9 5 9 2"), ("09:32:00", "6 7 6 7 2")]


def test_a_late_trade_of_the_first_moments_is_in_the_bar_that_a_later_one_began() -> None:
    rows = market(trade("09:31", 2.0, 6.0), trade("09:31", 1.0, 5.0), tick("09:33"))
    assert seen(rows, "{}", *OHLCV) == [("09:32:00", "5 6 5 6 2")]


def test_a_trade_that_is_later_than_that_changes_no_bar() -> None:
    rows = market(
        trade("09:30", 30, 5.0), trade("09:31", 2, 6.0), trade("09:30", 31, 99.0), tick("09:32")
    )
    assert seen(rows, "{}", "high") == [("09:31:00", "5"), ("09:32:00", "6")]


def test_what_ticks_are_compared_with_waits_for_no_trade() -> None:
    rows = market(trade("09:30", 30, 5.0), trade("09:31", 0.1, 6.0))
    assert seen(rows, "{evaluate: tick}", "close")[-1] == ("09:31:00", "5")


@pytest.mark.parametrize("inputs", ["{}", FIVE, "{missing: carry}", "{timeframe: 30s}"])
@settings(max_examples=15)
@given(data=st.data())
def test_trades_in_another_order_within_the_grace_make_the_same_bars(
    inputs: str, data: st.DataObject
) -> None:
    whens = sorted(data.draw(st.lists(st.integers(0, 2400), min_size=2, max_size=40, unique=True)))
    trades = [trade("09:30", when / 4, 100.0 + when % 7) for when in whens]
    delays = data.draw(st.lists(st.integers(0, 6), min_size=len(trades), max_size=len(trades)))
    arrived = sorted(range(len(trades)), key=lambda place: (whens[place] + delays[place], place))
    end = tick("09:45")
    told_of = seen(market(*(trades[place] for place in arrived), end), inputs, *OHLCV)
    assert told_of == seen(market(*trades, end), inputs, *OHLCV)
    assert told_of


def test_trades_are_passed_over_where_there_are_bars() -> None:
    rows = market(bar("09:30", 1.0), trade("09:31", 1, 9.0), bar("09:31", 2.0), tick("09:33"))
    assert seen(rows, "{}") == [("09:31:00", "1"), ("09:32:00", "2")]


def test_the_last_bar_of_a_half_day_is_short() -> None:
    day = "2013-11-29"  # shut at 13:00: 3.5 hours
    rows = bars("09:30", " ".join(["1"] * 209 + ["2"]), day=day)
    hours = seen(rows, "{timeframe: 1h}")
    assert [at for at, _ in hours] == ["10:30:00", "11:30:00", "12:30:00", "13:00:00"]
    assert hours[-1] == ("13:00:00", "2")


def test_bars_are_aligned_to_the_open_in_summer_and_in_winter() -> None:
    for day in ("2026-03-06", "2026-03-09"):  # before and after clocks are moved
        rows = bars("09:30", " ".join(["1"] * 60), day=day)
        assert [at for at, _ in seen(rows, "{timeframe: 1h}")] == ["10:30:00"]


def test_repeats_and_late_minutes_change_no_bar() -> None:
    plain = bars("09:30", "1 2 3 4 5 6")
    echoed = np.concatenate([plain[:2], plain[1:2], plain[:3], plain[3:5], plain[2:5], plain[5:]])
    assert seen(echoed, FIVE, *OHLCV) == seen(plain, FIVE, *OHLCV)


def test_carry_makes_flat_bars_of_silent_minutes() -> None:
    rows = bars("09:30", "1 _ _ 4")
    inputs = "{missing: carry}"
    assert seen(rows, inputs, *OHLCV) == [
        ("09:31:00", "1 2 0 1 10"),
        ("09:32:00", "1 1 1 1 0"),
        ("09:33:00", "1 1 1 1 0"),
        ("09:34:00", "4 5 3 4 10"),
    ]


def test_carry_fills_by_the_clock_to_the_close_and_not_through_the_night() -> None:
    rows = market(
        bar("15:57", 1.0),
        tick("15:59"),
        tick("16:30"),
        bar("09:32", 2.0, day="2026-06-25"),
    )
    assert seen(rows, "{missing: carry}") == [
        ("15:58:00", "1"),
        ("15:59:00", "1"),
        ("16:00:00", "1"),
        ("09:33:00", "2"),
    ]


def test_without_carry_a_silent_minute_is_no_bar() -> None:
    rows = market(bars("09:30", "1 _ _ 4"), tick("09:40"))
    assert [text for _, text in seen(rows, "{}")] == ["1", "4"]


def test_round_the_clock_a_day_is_a_session() -> None:
    rows = bars("20:00", "1 2 3", timeframe="30m")  # midnight UTC, in summer
    outputs = same_however_cut(
        telling("close", inputs="{timeframe: 1h, session: 24x7, calendar: 24/7}"), rows
    )
    assert texts(outputs) == ["2"]


def test_whole_sessions_of_minutes_make_daily_bars_when_the_next_begins() -> None:
    day = bars("09:30", " ".join(["5"] * 390), day="2026-06-23")
    rows = market(day, bar("09:30", 9.0))
    assert seen(rows, "{timeframe: 1d}", "close", "volume") == [("16:00:00", "5 3900")]


def test_the_official_daily_bar_comes_instead_of_the_minutes() -> None:
    day = bars("09:30", " ".join(["5"] * 390), day="2026-06-23")
    rows = market(day, daily_row("2026-06-23", 8.0, 6.0, 7.0), bar("09:30", 9.0))
    assert [text for _, text in seen(rows, "{timeframe: 1d}")] == ["7"]


def test_a_week_is_complete_with_its_last_session() -> None:
    days = ["2026-06-12", *(f"2026-06-{day}" for day in (15, 16, 17, 18, 22))]  # 19: a holiday
    rows = market(*(daily_row(day, 9.0, 1.0, float(n)) for n, day in enumerate(days)))
    rule = telling("close@1w", inputs="{timeframe: 1d}")
    assert texts(same_however_cut(rule, rows)) == ["4", "4"]
