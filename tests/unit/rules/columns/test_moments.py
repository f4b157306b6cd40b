"""The clock, the session, the portfolio at an evaluation."""

import pytest

from tests.unit.rules.bars import ns
from tests.unit.rules.columns.telling import bar, bars, market, same_however_cut, telling, texts
from tests.unit.rules.market import daily_row

NAMES = (
    "minutes_since_open",
    "minutes_to_close",
    "weekday",
    "date",
    "bar_index",
    "is_rth",
    "is_half_day",
)


def at(day: str, clock: str, inputs: str = "{}") -> str:
    """What the clock says at the end of a minute."""
    (said,) = texts(same_however_cut(telling(*NAMES, inputs=inputs), bar(clock, 5.0, day=day)))
    return said


def test_the_clock_of_a_whole_day_and_of_a_half_day() -> None:
    assert at("2026-06-24", "09:30") == "1 389 3 20260624 0 true false"
    assert at("2013-11-29", "12:44") == "195 15 5 20131129 0 true true"


@pytest.mark.parametrize("day", ["2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"])
def test_the_clock_is_the_exchanges_when_clocks_are_moved(day: str) -> None:
    assert at(day, "09:59").startswith("30 360 ")


def test_before_the_open_it_is_not_yet_the_regular_session() -> None:
    assert at("2026-06-24", "08:30", "{session: eth}") == "-59 449 3 20260624 0 false false"


def test_bars_are_counted_from_nought() -> None:
    assert texts(same_however_cut(telling("bar_index"), bars("09:30", "1 2 _ 4"))) == [
        "0",
        "1",
        "2",
    ]


def test_the_time_is_compared_with_a_time_of_day() -> None:
    rule = telling("time >= 09:32", "between(time, 09:30, 09:31)")
    said = texts(same_however_cut(rule, bars("09:30", "1 2 3")))
    assert said == ["false true", "true false", "true false"]


# --- sessions
def test_a_session_so_far() -> None:
    rule = telling("session.open", "session.high", "session.low", "session.vwap")
    rows = market(bar("09:30", 5.0, volume=1.0), bar("09:31", 9.0, volume=3.0))
    assert texts(same_however_cut(rule, rows)) == ["5 6 4 5", "5 10 4 8"]


def test_the_session_before_is_its_daily_bar_where_there_is_one() -> None:
    rule = telling("prev.close", "prev.high", "prev.low", "session.gap")
    rows = market(daily_row("2026-06-23", 8.0, 6.0, 7.0), bar("09:30", 9.5))
    assert texts(same_however_cut(rule, rows)) == ["7 8 6 2.5"]


def test_the_session_before_is_what_was_seen_of_it_whole() -> None:
    rule = telling("prev.close", "prev.high", "prev.low")
    whole = bars("09:30", " ".join(["5"] * 389 + ["6"]), day="2026-06-23")
    assert texts(same_however_cut(rule, market(whole[-3:], bar("09:30", 9.0))))[-1] == "6 na na"
    assert texts(same_however_cut(rule, market(whole[:-1], bar("09:30", 9.0))))[-1] == "na na na"
    assert texts(same_however_cut(rule, market(whole, bar("09:30", 9.0))))[-1] == "6 7 4"


def test_a_session_that_was_not_seen_is_not_the_one_before() -> None:
    rows = market(daily_row("2026-06-22", 8.0, 6.0, 7.0), bar("09:30", 9.0))
    assert texts(same_however_cut(telling("prev.close"), rows)) == ["na"]


def test_before_the_open_is_seen_by_rules_that_are_not_evaluated_there() -> None:
    rule = telling("premarket.high", "premarket.low", "session.high")
    rows = market(
        bar("19:00", 99.0, day="2026-06-23"), bars("08:00", "5 9"), bars("09:30", "7"),
        bar("16:30", 50.0), bar("09:30", 7.0, day="2026-06-25"),
    )  # fmt: skip
    assert texts(same_however_cut(rule, rows)) == ["10 4 8", "na na 8"]


def test_an_opening_range_is_known_when_it_is_over() -> None:
    rule = telling("opening_range.high(2m)", "opening_range.low(2m)", "opening_range.high(1m)")
    said = texts(same_however_cut(rule, bars("09:30", "5 9 20")))
    assert said == ["na na 6", "10 4 6", "10 4 6"]


def test_the_opening_range_of_yesterday_is_gone() -> None:
    rows = market(bars("09:30", "5 9", day="2026-06-23"), bars("09:30", "3 3 3"))
    said = texts(same_however_cut(telling("opening_range.high(2m)"), rows))
    assert said == ["na", "10", "na", "4", "4"]


# --- portfolio
def test_the_portfolio_is_as_it_was_last_given() -> None:
    when = ns("2026-06-24", "09:32"), ns("2026-06-24", "09:33")
    portfolio = {
        ("", "account.equity"): ((when[0], 10.0), (when[1], 20.0)),
        ("SPY", "position.qty"): ((when[1], 100.0),),
        ("QQQ", "position.avg_price"): ((when[0], 1.0),),
    }
    rule = telling("account.equity", "position.qty", "position.avg_price")
    outputs = same_however_cut(rule, bars("09:30", "1 2 3"), portfolio=portfolio)
    assert texts(outputs) == ["na na na", "10 na na", "20 100 na"]
