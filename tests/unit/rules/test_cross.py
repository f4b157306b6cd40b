"""What a cross is, and what it remembers."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rules.bars import bar_rows, close_rows, ns
from tests.unit.rules.market import engine, fired, fold, minute_row, rule_of
from whispr_daemon.domain.outputs import Signal
from whispr_daemon.domain.timeframe import MINUTE

START = ns("2026-06-24", "09:30")
NEAR = 0.4e-10  # nearer than the tolerance

prices = st.sampled_from([9.0, 10.0 - NEAR, 10.0, 10.0 + NEAR, 11.0, 12.0])


@given(st.lists(st.tuples(prices, prices), max_size=25))
def test_a_cross_is_a_cross_up_or_a_cross_down_and_symmetrical(
    bars: list[tuple[float, float]],
) -> None:
    rule = rule_of(
        "cross(close, open)", "cross_up(close, open)", "cross_down(close, open)",
        "cross(open, close)", "cross_down(open, close)", "close crosses above open",
    )  # fmt: skip
    rows = bar_rows(
        [
            (START + (place + 1) * MINUTE, first, max(first, last), min(first, last), last)
            for place, (first, last) in enumerate(bars)
        ]
    )
    by_time: dict[int, set[str]] = {}
    for said in fold(engine(rule), rows):
        by_time.setdefault(said.ts_event, set()).add(f"{said.name} {said.direction}")
    up = {"S0 up", "S1 up", "S3 down", "S4 down", "S5 up"}
    down = {"S0 down", "S2 down", "S3 up"}
    assert all(seen in (up, down) for seen in by_time.values())
    assert len(by_time) == _strict_changes([last - first for first, last in bars])


def _strict_changes(apart: list[float]) -> int:
    sides = [int(np.sign(value)) for value in apart if abs(value) > 1e-10]
    return sum(a != b for a, b in pairwise(sides))


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ([9, 11, 9], ["S0 up", "S0 down"]),
        ([9, 10, 11], ["S0 up"]),  # a touch on the way is no side
        ([9, 10, 9], []),  # a touch alone is no cross
        ([11], []),  # the first evaluation never fires
        ([10, 11], []),  # nothing strict was seen before
    ],
)
def test_memory_of_the_last_strict_side(closes: list[float], expected: list[str]) -> None:
    assert fired(fold(engine(rule_of("cross(price, 10)")), close_rows(closes, START))) == expected


def test_an_undefined_operand_keeps_the_memory() -> None:
    # The second operand is ten, and na where the bar opens at five.
    rule = rule_of("cross(close, close - close + 1 / (open - 5) * 0 + 10)")
    bars = [(4.0, 9.0), (5.0, 11.0), (5.0, 9.5), (4.0, 11.0)]
    rows = bar_rows(
        [(START + (n + 1) * MINUTE, first, 12.0, 4.0, last) for n, (first, last) in enumerate(bars)]
    )
    crossed = [one for one in fold(engine(rule), rows) if isinstance(one, Signal)]
    assert fired(crossed) == ["S0 up"]
    assert crossed[0].ts_event == START + 4 * MINUTE


# --- levels, section 2.2
DAYS = ("2026-06-22", "2026-06-23", "2026-06-24", "2026-06-25", "2026-06-26")


def pinned(levels: list[float]) -> dict[tuple[str, date | None], tuple[float, float]]:
    """Pins whose atr.pdc is the level of each day."""
    return {
        ("SPY", date.fromisoformat(day)): (level, 1.0)
        for day, level in zip(DAYS, levels, strict=False)
    }


@pytest.mark.parametrize(
    ("wednesday", "expected"),
    [(613.0, ["S0 up"]), (616.0, ["S0 up", "S0 up"])],
)
def test_a_level_rearms_at_its_step(wednesday: float, expected: list[str]) -> None:
    rows = np.concatenate(
        [
            minute_row(DAYS[0], "15:58", 609.0),
            minute_row(DAYS[0], "15:59", 612.0, first=609.0),
            minute_row(DAYS[1], "09:30", wednesday),
        ]
    )
    said = fold(
        engine(rule_of("cross(atr.pdc, price)"), pinned_levels=pinned([609.28, 614.29])), rows
    )
    assert fired(said) == expected
    assert [one.level for one in said] == [609.28, 614.29][: len(said)]
    assert [one.data["gap"] for one in said] == [False, True][: len(said)]


def test_after_a_close_on_the_new_level_the_close_before_it_decides() -> None:
    rows = np.concatenate(
        [
            minute_row(DAYS[0], "15:58", 610.0),
            minute_row(DAYS[0], "15:59", 614.0),
            minute_row(DAYS[1], "09:30", 615.0),
        ]
    )
    up_from_below = engine(rule_of("cross(price, atr.pdc)"), pinned_levels=pinned([600.0, 614.0]))
    assert fired(fold(up_from_below, rows)) == ["S0 up"]
    assert fired(fold(up_from_below, rows)) == []  # the same rows again are late


levels = st.lists(st.sampled_from([9.0, 10.0, 11.0, 12.0]), min_size=5, max_size=5)
closes = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([8.0, 9.0, 10.0, 10.5, 11.0, 12.0, 13.0])),
    max_size=30,
)


@given(levels, closes)
def test_a_level_cross_is_a_change_of_the_strict_side_of_where_the_level_now_stands(
    by_day: list[float], drawn: list[tuple[int, float]]
) -> None:
    ordered = sorted(drawn, key=lambda bar: bar[0])
    rows, expected, history = [], [], list[float]()
    for place, (day, close) in enumerate(ordered):
        rows.append(minute_row(DAYS[day], f"{10 + place // 60}:{place % 60:02}", close))
        level = by_day[day]
        before = next((np.sign(old - level) for old in reversed(history) if old != level), 0)
        side = np.sign(close - level)
        if side and before == -side:
            expected.append("S0 up" if side > 0 else "S0 down")
        history.append(close)
    strategy = engine(rule_of("cross(price, atr.pdc)"), pinned_levels=pinned(by_day))
    said = fold(strategy, np.concatenate(rows)) if rows else []
    assert fired(said) == expected


def test_direction_is_that_of_what_moves() -> None:
    rule = rule_of("cross(10, price)", "cross_down(10, price)", "cross_up(price, 10)")
    assert fired(fold(engine(rule), close_rows([9, 11], START))) == ["S0 up", "S1 up", "S2 up"]


def test_two_levels_never_cross() -> None:
    rule = rule_of("cross(atr.pdc, 610)")
    rows = np.concatenate([minute_row(day, "10:00", 600.0) for day in DAYS])
    strategy = engine(rule, pinned_levels=pinned([600, 620, 600, 620, 600]))
    assert fold(strategy, rows) == []


def test_a_gap_is_an_open_already_beyond() -> None:
    rule = rule_of("cross(price, 10)")
    start = [(START + MINUTE, 9.0, 9.0, 9.0, 9.0)]
    jumped = fold(engine(rule), bar_rows([*start, (START + 2 * MINUTE, 10.5, 11.0, 10.4, 11.0)]))
    walked = fold(engine(rule), bar_rows([*start, (START + 2 * MINUTE, 9.5, 11.0, 9.5, 11.0)]))
    assert [said.data["gap"] for said in jumped + walked] == [True, False]
