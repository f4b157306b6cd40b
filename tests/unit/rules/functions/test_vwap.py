"""VWAP: from the start of its session, week or month."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rules.functions.bars import NAN, Bars, values, walk_of
from tests.unit.rules.functions.expressions import typed
from whispr_daemon.rules.functions.volumes import WEEK, month, period

EPOCH = date(1970, 1, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def vwap(bars: Bars, anchor: str = "session") -> list[float]:
    return values(typed(f"vwap('{anchor}')"), bars)


def test_it_is_hlc3_weighed_by_volume_since_the_session_began() -> None:
    bars = walk_of(150)
    found = vwap(bars)
    typical = [sum(three) / 3 for three in zip(bars.high, bars.low, bars.close, strict=True)]
    for at, value in enumerate(found):
        start = bars.date.index(bars.date[at])
        money = sum(typical[k] * bars.volume[k] for k in range(start, at + 1))
        assert abs(value - money / sum(bars.volume[start : at + 1])) < 1e-9


def test_a_week_begins_on_monday_and_a_month_on_the_first() -> None:
    flat = [10.0, 20.0, 30.0, 40.0]
    bars = Bars(flat, flat, flat, flat, [1.0] * 4, [])
    friday, monday = day("2026-07-31"), day("2026-08-03")
    days = [friday - 1, friday, monday, monday + 1]
    assert vwap(bars._replace(date=days), "week") == [10.0, 15.0, 30.0, 35.0]
    assert vwap(bars._replace(date=[friday - 1, friday, friday, friday]), "month")[-1] == 25.0
    assert vwap(bars._replace(date=days), "month") == [10.0, 15.0, 30.0, 35.0]


def test_without_volume_it_is_na() -> None:
    flat = [10.0, 20.0, 30.0]
    bars = Bars(flat, flat, flat, flat, [0.0, NAN, 2.0], [1, 1, 1])
    first, second, third = vwap(bars)
    assert first != first
    assert second != second
    assert third == 30.0


@given(st.dates(date(1970, 1, 1), date(2060, 12, 31)), st.integers(0, 40))
def test_dates_are_of_one_period_as_the_calendar_says(first: date, apart: int) -> None:
    second = first + timedelta(days=apart)
    days = [(one - EPOCH).days for one in (first, second)]
    same_week = first.isocalendar()[:2] == second.isocalendar()[:2]
    assert (period(days[0], WEEK) == period(days[1], WEEK)) is same_week
    same_month = (first.year, first.month) == (second.year, second.month)
    assert (month(days[0]) == month(days[1])) is same_month
