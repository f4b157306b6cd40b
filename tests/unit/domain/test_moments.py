"""Where the newest moment begins, and references before the others within each."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.domain.batch import NO_INSTRUMENT, Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.moments import newest_moment, references_first
from whispr_daemon.domain.ticks import GRACE, with_ticks
from whispr_daemon.domain.timeframe import CODE_OF, MINUTE


def bars(*found: tuple[int, int], timeframe: str = "1m") -> Rows:
    """Return bars of (minute, instrument)."""
    rows = empty_rows(len(found))
    rows["ts"] = [minute * MINUTE for minute, _ in found]
    rows["instrument"] = [instrument for _, instrument in found]
    rows["kind"], rows["timeframe"] = Kind.BAR, CODE_OF[timeframe]
    return rows


def ordered(rows: Rows, *references: int) -> list[int]:
    return references_first(rows, np.isin(rows["instrument"], references)).tolist()


def test_the_newest_moment_begins_with_the_first_row_of_the_latest_time() -> None:
    assert newest_moment(bars((1, 0), (2, 0), (2, 1))) == 1
    assert newest_moment(bars((1, 0), (1, 1))) == 0
    assert newest_moment(bars((1, 0), (3, 0), (2, 1), (3, 1))) == 1  # a late row waits with it


def test_daily_history_is_no_moment_that_is_waited_for() -> None:
    days = bars((1440, 0), (2880, 0), timeframe="1d")
    assert newest_moment(days) == 2
    assert newest_moment(np.concatenate([days, bars((1, 0))])) == 2
    assert newest_moment(empty_rows(0)) == 0


def test_references_come_first_in_each_moment_and_nowhere_else() -> None:
    assert ordered(bars((1, 0), (1, 7), (2, 1), (2, 0), (2, 7)), 7) == [1, 0, 4, 2, 3]
    assert ordered(bars((1440, 0), (1440, 7), (2880, 7), timeframe="1d"), 7) == [1, 0, 2]


def test_a_clock_tick_stays_between_the_minutes() -> None:
    tick = empty_rows(1)
    tick["ts"], tick["kind"], tick["instrument"] = MINUTE, Kind.CLOCK, NO_INSTRUMENT
    rows = np.concatenate([bars((1, 0), (1, 7)), tick, bars((2, 0), (2, 7))])
    assert ordered(rows, 7) == [1, 0, 2, 4, 3]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3))), st.sets(st.integers(0, 3)))
def test_no_row_is_lost_and_the_order_of_a_symbols_rows_stays(
    found: list[tuple[int, int]], references: set[int]
) -> None:
    order = ordered(bars(*found), *references)
    assert sorted(order) == list(range(len(found)))
    for symbol in range(4):
        mine = [place for place in order if found[place][1] == symbol]
        assert mine == sorted(mine)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), min_size=1))
def test_before_the_newest_moment_all_is_older(found: list[tuple[int, int]]) -> None:
    begin = newest_moment(bars(*found))
    assert all(minute < found[begin][0] for minute, _ in found[:begin])
    assert all(minute <= found[begin][0] for minute, _ in found[begin:])


def test_a_split_moves_no_time_and_nobody_waits_for_it() -> None:
    split = empty_rows(1)
    split["ts"], split["kind"] = 1440 * MINUTE, Kind.SPLIT
    rows = np.concatenate([bars((1, 0)), split])
    assert newest_moment(split) == 1
    assert newest_moment(rows) == 0
    assert with_ticks(rows, np.arange(1, 3), 0)[2] == 0
    assert ordered(np.concatenate([bars((1, 7), (1, 0)), split, bars((1441, 0))]), 0) == [
        1,
        0,
        2,
        3,
    ]


def test_a_trade_moves_the_clock_when_no_other_can_belong_before() -> None:
    def ticks(kind: Kind, *times: int) -> list[int]:
        rows = empty_rows(len(times))
        rows["kind"], rows["ts"] = kind, times
        if kind == Kind.BAR:
            rows["timeframe"] = CODE_OF["1m"]
        found, _, _ = with_ticks(rows, np.arange(len(rows)), 0)
        return [int(row["ts"]) // MINUTE for row in found if row["kind"] == Kind.CLOCK]

    assert ticks(Kind.TRADE, MINUTE + GRACE) == []
    assert ticks(Kind.TRADE, MINUTE + GRACE + 1) == [1]
    assert ticks(Kind.QUOTE, MINUTE + GRACE + 1) == [1]
    assert ticks(Kind.BAR, MINUTE, MINUTE + 1) == [1]
