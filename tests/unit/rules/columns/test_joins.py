"""Values of other timeframes and symbols: the last complete one, while it is fresh."""

from collections.abc import Sequence

import pytest

from tests.unit.rules.bars import ns
from tests.unit.rules.columns.telling import (
    DAY,
    bar,
    bars,
    market,
    same_however_cut,
    telling,
    texts,
    tick,
)
from tests.unit.rules.market import daily_row, engine, fold
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.outputs import Output

PAIR = ("SPY", "VIX")
REFS = "{symbols: [SPY], refs: {vix: VIX}}"


def test_a_value_of_five_minutes_is_seen_by_the_minute_that_completes_it() -> None:
    outputs = same_however_cut(telling("close@5m"), bars("09:30", "1 2 3 4 5 6 7 8 9 10 11"))
    assert texts(outputs) == ["5"] * 5 + ["10"] * 2  # from 09:35 on


def test_an_indicator_of_another_timeframe_counts_its_bars() -> None:
    closes = " ".join(map(str, range(1, 17)))
    outputs = same_however_cut(telling("SMA2@5m"), bars("09:30", closes))
    assert texts(outputs) == ["7.5"] * 5 + ["12.5"] * 2


def test_the_one_before_is_of_its_own_timeframe() -> None:
    closes = " ".join(map(str, range(1, 13)))
    outputs = same_however_cut(telling("close@5m[1]"), bars("09:30", closes))
    assert texts(outputs)[-3:] == ["5", "5", "5"]


def test_bars_of_the_log_are_taken_where_there_are_some() -> None:
    rows = market(
        bars("09:30", "1 2 3 4"), bar("09:30", 50.0, timeframe="5m"), bars("09:34", "5 6")
    )
    assert texts(same_however_cut(telling("close@5m"), rows)) == ["50", "50"]


def test_an_expression_of_another_timeframe_is_made_there() -> None:
    outputs = same_however_cut(telling("(high - low)@5m"), bars("09:30", "1 2 3 4 5 6"))
    assert texts(outputs)[-1] == "6"  # from 0 to 6


def test_a_reference_is_seen_when_its_bar_came_first() -> None:
    rows = market(
        bar("09:30", 20.0, code=1), bar("09:30", 1.0), bar("09:31", 2.0), bar("09:31", 21.0, code=1)
    )
    assert texts(same_however_cut(telling("vix.close", inputs=REFS), rows, PAIR)) == ["20", "20"]


def test_the_rule_is_not_evaluated_on_a_reference() -> None:
    rows = market(bar("09:30", 20.0, code=1), bar("09:30", 1.0))
    outputs = same_however_cut(telling("close", inputs=REFS), rows, PAIR)
    assert texts(outputs, "VIX") == []


def test_a_reference_older_than_three_bars_is_na() -> None:
    rows = market(bar("09:30", 20.0, code=1), bars("09:30", "1 2 3 4 5"))
    outputs = same_however_cut(telling("vix.close", inputs=REFS), rows, PAIR)
    assert texts(outputs) == ["20", "20", "20", "20", "na"]


def test_a_rule_may_say_how_old_a_reference_may_be() -> None:
    inputs = "{symbols: [SPY], refs: {vix: VIX}, stale_after: 1m}"
    rows = market(bar("09:30", 20.0, code=1), bars("09:30", "1 2 3"))
    outputs = same_however_cut(telling("vix.close", inputs=inputs), rows, PAIR)
    assert texts(outputs) == ["20", "20", "na"]


def test_the_night_makes_no_reference_old() -> None:
    rows = market(bar("15:59", 20.0, code=1, day="2026-06-23"), bars("09:30", "1 2 3 4"))
    outputs = same_however_cut(telling("vix.close", inputs=REFS), rows, PAIR)
    assert texts(outputs) == ["20", "20", "20", "na"]


def test_a_reference_lost_the_day_before_is_na() -> None:
    rows = market(bar("15:00", 20.0, code=1, day="2026-06-23"), bars("09:30", "1 2"))
    outputs = same_however_cut(telling("vix.close", inputs=REFS), rows, PAIR)
    assert texts(outputs) == ["na", "na"]


def test_before_a_reference_has_come_a_rule_waits() -> None:
    rows = market(bar("09:30", 1.0), bar("09:31", 20.0, code=1), bar("09:31", 2.0))
    outputs = same_however_cut(telling("vix.close", inputs=REFS), rows, PAIR)
    assert texts(outputs) == ["20"]


def test_a_daily_reference_lasts_over_a_weekend() -> None:
    friday, monday = "2026-06-26", "2026-06-29"
    vix = daily_row(friday, 21.0, 19.0, 20.0)
    vix["instrument"] = 1
    rows = market(vix, bar("09:30", 1.0, day=monday))
    outputs = same_however_cut(telling("vix.close@1d", inputs=REFS), rows, PAIR)
    assert texts(outputs) == ["20"]


def test_a_value_whose_bar_had_not_come_is_marked_with_the_end_of_the_last_one() -> None:
    rows = market(bars("09:30", "20 21", code=1), bars("09:30", "1 2 3"))
    outputs = same_however_cut(telling("vix.close", inputs=REFS), rows, PAIR)
    assert [one.data.get("ref_late") for one in outputs] == [
        None,
        None,
        {"vix.price": ns(DAY, "09:32")},
    ]


def test_a_reference_that_only_comes_first_is_not_late() -> None:
    rows = market(
        *(row for at in range(6) for row in (one_minute(at, 20.0, 1), one_minute(at, 7.0, 0)))
    )
    rule = telling("vix.close", "vix.close@5m", inputs=REFS)
    assert late(same_however_cut(rule, rows, PAIR)) == [{}] * 2


def test_a_longer_bar_of_a_reference_is_late_when_its_own_end_has_passed() -> None:
    rows = market(
        *(row for at in range(9) for row in (one_minute(at, 20.0, 1), one_minute(at, 7.0, 0))),
        bar("09:39", 7.0),
        bar("09:39", 20.0, code=1),
        bar("09:40", 7.0),
    )
    outputs = same_however_cut(telling("vix.close@5m", inputs=REFS), rows, PAIR)
    assert late(outputs)[-3:] == [{}, {"vix.price": ns(DAY, "09:35")}, {}]


@pytest.mark.parametrize(("last", "lacks"), [("15:50", True), ("15:55", False)])
def test_the_bar_before_the_first_of_a_day_is_the_last_of_the_day_before(
    last: str, lacks: bool
) -> None:
    before = bar(last, 20.0, code=1, day="2026-06-23", timeframe="5m")
    rows = market(before, bar("09:30", 1.0))
    (said,) = same_however_cut(telling("vix.close@5m", inputs=REFS), rows, PAIR)
    assert ("ref_late" in said.data) is lacks


@pytest.mark.parametrize(("day", "lacks"), [("2026-06-25", True), ("2026-06-26", False)])
def test_a_daily_reference_is_late_if_a_session_has_come_and_gone_since(
    day: str, lacks: bool
) -> None:
    vix = daily_row(day, 21.0, 19.0, 20.0)
    vix["instrument"] = 1
    rows = market(vix, bar("09:30", 1.0, day="2026-06-29"))  # a Monday
    (said,) = same_however_cut(telling("vix.close@1d", inputs=REFS), rows, PAIR)
    assert ("ref_late" in said.data) is lacks


def late(outputs: Sequence[Output]) -> list[dict[str, int]]:
    """Return what of each evaluation was of bars that ended before they were due."""
    return [output.data.get("ref_late", {}) for output in outputs]


def test_an_indicator_of_a_reference_of_another_timeframe() -> None:
    rows = []
    for minute in range(12):
        clock = f"09:{30 + minute}"
        rows += [bar(clock, 100.0 + minute, code=1), bar(clock, 1.0)]
    outputs = same_however_cut(telling("vix.SMA2@5m", inputs=REFS), market(*rows), PAIR)
    assert texts(outputs) == ["106.5"] * 3


def test_an_average_over_a_reference() -> None:
    rows = []
    for minute in range(4):
        clock = f"09:{30 + minute}"
        rows += [bar(clock, 10.0 * minute, code=1), bar(clock, 1.0)]
    outputs = same_however_cut(telling("sma(vix.close, 2)", inputs=REFS), market(*rows), PAIR)
    assert texts(outputs)[-1] == "25"


def test_silent_bars_of_a_reference_are_closed_by_the_clock() -> None:
    rows = market(bars("09:30", "7 8", code=1), tick("09:35"), bar("09:35", 1.0))
    outputs = same_however_cut(telling("vix.close@5m", inputs=REFS), rows, PAIR)
    assert texts(outputs) == ["8"]


@pytest.mark.parametrize(("minutes", "words"), [(4, "0/2 5m bars"), (9, "1/2 5m bars")])
def test_warmup_counts_the_bars_of_the_other_timeframe(minutes: int, words: str) -> None:
    strategy = engine(telling("SMA2@5m"))
    fold(strategy, bars("09:30", " ".join(["1"] * minutes)))
    assert strategy.warmup() == {"t SPY": f"warming {words}"}


def test_a_level_of_a_reference_waits_for_its_periods_not_for_minutes() -> None:
    minutes = [row for at in range(20) for row in (one_minute(at, 20.0, 1), one_minute(at, 7.0, 0))]
    days = [daily_row(f"2026-06-{day:02d}", 21.0, 20.0, 20.0) for day in JUNE]
    for row in days:
        row["instrument"] = 1
    rule = telling("vix.atr.38", inputs=REFS)
    strategy = engine(rule)
    assert texts(fold(strategy, market(*days[1:], *minutes), PAIR)) == []
    assert strategy.warmup() == {"t SPY": "warming 13/14 daily bars of vix"}
    outputs = same_however_cut(rule, market(*days, *minutes[:2]), PAIR)
    assert texts(outputs) == ["20.382"]


def one_minute(at: int, close: float, code: int) -> Rows:
    """The minute that begins ``at`` minutes after the open."""
    return bar(f"{9 + (30 + at) // 60:02d}:{(30 + at) % 60:02d}", close, code=code)


# The 14 sessions before 2026-06-24; the 19th is a holiday.
JUNE = (3, 4, 5, 8, 9, 10, 11, 12, 15, 16, 17, 18, 22, 23)


def test_a_value_of_another_timeframe_waits_for_its_own_inputs() -> None:
    five = telling("vwma(close, 2)@5m")
    rows = market(
        bars("09:30", "1 2 3 4 5", volume=float("nan")), bars("09:35", " ".join("6" * 10))
    )
    assert texts(same_however_cut(five, rows)) == ["6"]
