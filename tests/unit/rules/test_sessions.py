"""Sessions of a calendar: half days, holidays, summer time, round the clock."""

from datetime import date

import numpy as np
import pytest

from tests.unit.rules.bars import ns
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.timeframe import DAY, HOUR, MINUTE
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.sessions import day_of


def found(*moments: int, name: str = "XNYS") -> list[int]:
    return [int(index) for index in calendar(name).find(np.array(moments))]


def test_a_session_holds_its_open_and_not_its_close() -> None:
    first, last = ns("2013-10-04", "09:30"), ns("2013-10-04", "16:00")
    index = found(first)[0]
    assert calendar("XNYS")[index].date == date(2013, 10, 4)
    assert found(first - 1, last - 1, last) == [-1, index, -1]


def test_half_days_close_early_and_holidays_have_no_session() -> None:
    sessions = list(calendar("XNYS").sessions_between(date(2013, 11, 28), date(2013, 12, 2)))
    assert [one.date for one in sessions] == [date(2013, 11, 29), date(2013, 12, 2)]
    assert sessions[0].close == ns("2013-11-29", "13:00")


def test_summer_time_moves_the_open() -> None:
    friday, monday = calendar("XNYS").sessions_between(date(2011, 3, 11), date(2011, 3, 14))
    assert friday.open % DAY == 14 * HOUR + 30 * MINUTE
    assert monday.open % DAY == 13 * HOUR + 30 * MINUTE


def test_local_dates_are_the_exchanges() -> None:
    sessions = calendar("XNYS")
    late = np.array([ns("2013-10-04", "23:59"), ns("2013-10-05", "00:00")])
    assert [day_of(int(day)).day for day in sessions.local_day(late)] == [4, 5]
    assert sessions.local_midnight(sessions.local_day(late))[1] == ns("2013-10-05", "00:00")
    assert list(sessions.on_date(sessions.local_day(late))) == [
        found(ns("2013-10-04", "10:00"))[0],
        -1,
    ]


def test_round_the_clock_every_day_is_a_session() -> None:
    sunday = ns("2024-08-04", "12:00")
    assert calendar("24/7")[found(sunday, name="24/7")[0]].date == date(2024, 8, 4)


def test_an_unknown_calendar_is_named() -> None:
    with pytest.raises(SettingsError, match="no calendar named 'XNYX'"):
        calendar("XNYX")
