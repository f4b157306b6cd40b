"""Ladders of other periods, anchors and sessions."""

from datetime import date

import pytest

from tests.unit.rules.columns.telling import bar, bars, market, same_however_cut, telling, texts
from tests.unit.rules.market import daily_row
from whispr_daemon.domain.batch import Rows
from whispr_daemon.rules.columns.calendars import calendar


def days(first: str, last: str) -> list[str]:
    """The sessions from one date to another."""
    return [
        one.date.isoformat()
        for one in calendar("XNYS").sessions_between(
            date.fromisoformat(first), date.fromisoformat(last)
        )
    ]


def closing(first: str, last: str) -> list[Rows]:
    """Daily bars whose close is the day of the month, high and low 1 away."""
    return [
        daily_row(day, int(day[-2:]) + 1.0, int(day[-2:]) - 1.0, float(int(day[-2:])))
        for day in days(first, last)
    ]


def said(names: tuple[str, ...], atr: str, *rows: Rows) -> str:
    rule = telling(*names, inputs=f"{{atr: {{length: 1, {atr}}}}}")
    return texts(same_however_cut(rule, market(*rows)))[-1]


PDC = ("atr.pdc", "atr.value")


@pytest.mark.parametrize(
    ("mode", "numbers"),
    [
        ("day", "23 2"),
        ("multiday", "18 7"),  # of 15 to 18 June, 19 is a holiday: from the close of 12 to 19
        ("swing", "29 30"),  # of May: from 0 to the close of April
    ],
)
def test_levels_are_of_the_period_before(mode: str, numbers: str) -> None:
    history = closing("2026-03-31", "2026-06-23")
    assert said(PDC, f"mode: {mode}", *history, bar("09:30", 5.0)) == numbers


def test_levels_of_a_quarter_and_of_a_year() -> None:
    history = closing("2025-01-02", "2026-06-23")
    quarter = said(PDC, "mode: position", *history, bar("09:30", 5.0))
    assert quarter.startswith("31 ")
    year = said(PDC, "mode: longterm", *history, bar("09:30", 5.0))
    assert year.startswith("31 ")


def test_levels_of_a_week_hold_through_it() -> None:
    rule = telling("atr.multiday.pdc", inputs="{atr: {length: 1}}")
    rows: list[Rows] = closing("2026-06-05", "2026-06-18")
    for day in days("2026-06-22", "2026-06-29"):
        rows += [bar("09:30", 5.0, day=day), *closing(day, day)]
    assert texts(same_however_cut(rule, market(*rows))) == ["18"] * 5 + ["26"]


def test_a_week_of_which_the_first_day_is_missing_is_none() -> None:
    rows = closing("2026-06-16", "2026-06-18")
    rule = telling("close", "nz(atr.multiday.pdc, 0)", inputs="{atr: {length: 1}}")
    assert texts(same_however_cut(rule, market(*rows, bar("09:30", 5.0, day="2026-06-22")))) == []


def test_the_range_is_of_the_period_so_far() -> None:
    history = closing("2026-06-08", "2026-06-18")
    monday = bar("09:30", 30.0, day="2026-06-22")
    official = daily_row("2026-06-22", 40.0, 10.0, 30.0)
    found = said(
        ("atr.pct * atr.value / 100",), "mode: multiday", *history, monday, official,
        bar("09:30", 45.0, day="2026-06-23"),
    )  # fmt: skip
    assert found == "36"  # from 10 to 46


def test_the_anchor_may_be_the_last_trade() -> None:
    minutes = bars("09:30", " ".join(["5"] * 390), day="2026-06-23")
    official = daily_row("2026-06-23", 8.0, 4.0, 7.0)
    rows = (minutes, official, bar("09:30", 5.0))
    assert said(("atr.pdc",), "anchor: official", *rows) == "7"
    assert said(("atr.pdc",), "anchor: last_trade", *rows) == "5"


def test_a_late_daily_bar_makes_its_last_trade_the_anchor_within_a_day() -> None:
    rule = telling("atr.multiday.pdc", inputs="{atr: {length: 1, anchor: last_trade}}")
    rows = (
        *closing("2026-06-05", "2026-06-18"),
        bar("15:59", 6.0, day="2026-06-22"),
        bar("09:30", 7.0, day="2026-06-23"),
        *closing("2026-06-22", "2026-06-22"),
        bar("09:31", 7.0, day="2026-06-23"),
    )
    assert texts(same_however_cut(rule, market(*rows))) == ["18", "18", "6"]


def test_levels_may_be_of_the_running_period() -> None:
    rows = (daily_row("2026-06-23", 8.0, 4.0, 7.0), bar("09:30", 20.0), bar("09:31", 30.0))
    assert said(PDC, "use_current_close: true", *rows) == "30 24"  # from 7 to 31


def test_the_atr_may_be_rounded_to_cents() -> None:
    rows = (daily_row("2026-06-23", 8.0, 4.996, 7.0), bar("09:30", 20.0))
    assert said(PDC, "rounding: cents", *rows) == "7 3"
    assert said(PDC, "rounding: none", *rows) == "7 3.004"


def test_levels_of_the_extended_session_are_of_its_bars() -> None:
    rows = (
        bar("05:00", 1.0, day="2026-06-22"),
        bar("05:00", 20.0, day="2026-06-23"),
        bar("12:00", 5.0, day="2026-06-23"),
        bar("19:00", 9.0, day="2026-06-23"),
        daily_row("2026-06-23", 6.0, 4.0, 5.0),
        bar("09:30", 7.0),
    )
    assert said(PDC, "session: eth", *rows) == "9 17"  # from 4 to 21


def test_levels_of_four_hours_are_of_parts_of_the_session() -> None:
    rule = telling("atr.scalp.pdc", "atr.scalp.level(1)", inputs="{atr: {length: 1}}")
    day = bars("09:30", " ".join(["5"] * 239 + ["6"] + ["8"] * 150))
    found = texts(same_however_cut(rule, market(day, bar("09:30", 9.0, day="2026-06-25"))))
    assert found[0] == "6 9"  # 13:31, of 09:30 to 13:30: from 4 to 7
    assert found[-1] == "8 11"  # of 13:30 to 16:00: from 7 to 9, but the close before was 6
