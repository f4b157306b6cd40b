"""Touches: the path of a bar, the jump from the close before included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rules.functions.bars import Bars, events, of_closes
from tests.unit.rules.functions.expressions import called, number, typed
from whispr_daemon.rules.nodes import Price, Type

STEPPING = Price(type=Type.LEVEL, start=0, end=0, field="volume")  # a level that a column says


def bars(*rows: tuple[float, float, float]) -> Bars:
    """Bars of low, high and close."""
    low, high, close = (list(column) for column in zip(*rows, strict=True))
    return Bars(close, high, low, close, [0.0] * len(rows), [0] * len(rows))


def truths(text: str, given: Bars) -> list[int]:
    return [told.truth for told in events(typed(text), given)]


def test_a_touch_is_of_low_or_high_or_of_a_jump_over() -> None:
    path = bars((8, 9, 9), (8, 10, 9), (8, 9, 9), (11, 12, 12), (11, 12, 12), (9, 12, 9))
    assert truths("touch(10)", path) == [-1, 1, -1, 1, -1, 1]


def test_a_touch_stays_while_price_straddles_and_a_new_one_does_not() -> None:
    path = bars((8, 9, 9), (9, 11, 11), (9, 11, 9), (8, 9, 9), (9, 11, 9))
    assert truths("touch(10)", path) == [-1, 1, 1, -1, 1]
    assert truths("touch_new(10)", path) == [-1, 1, -1, -1, 1]


def test_of_the_first_bar_it_is_not_known_whether_a_touch_is_new() -> None:
    assert truths("touch_new(10)", bars((9, 11, 11), (9, 11, 9), (11, 12, 12))) == [0, -1, -1]
    assert truths("touch_new(ema(close, 1))", bars((9, 11, 11), (9, 11, 9))) == [0, -1]


def test_a_level_that_steps_is_asked_for_where_it_now_stands() -> None:
    # On the second day the level is 12; the bar before went up to 11 only.
    path = bars((8, 9, 9), (9, 11, 11), (11, 12, 12), (11, 12, 12))._replace(
        volume=[10.0, 10.0, 12.0, 12.0]
    )
    told = events(called("touch_new", STEPPING), path)
    assert [one.truth for one in told] == [-1, 1, 1, -1]
    assert [one.level for one in told] == [10.0, 10.0, 12.0, 12.0]
    # Where the level steps into the path of the bar before, that bar has touched it already.
    stepped = path._replace(volume=[20.0, 20.0, 11.0, 11.0])
    assert [one.truth for one in events(called("touch_new", STEPPING), stepped)] == [-1, -1, -1, -1]


prices = st.lists(st.sampled_from([8.0, 9.0, 10.0, 11.0, 12.0]), max_size=20)


@given(prices, st.sampled_from([9.0, 9.5, 10.0]))
def test_a_cross_of_a_constant_is_also_a_touch(closes: list[float], at: float) -> None:
    crosses = events(called("cross", typed("close"), number(at)), of_closes(closes))
    touches = events(called("touch", number(at)), of_closes(closes))
    new = events(called("touch_new", number(at)), of_closes(closes))
    assert all(
        touch.truth == 1 for cross, touch in zip(crosses, touches, strict=True) if cross.truth == 1
    )
    was = [0, *(touch.truth for touch in touches)]
    for before, touch, fresh in zip(was, touches, new, strict=False):
        assert fresh.truth == (-1 if touch.truth == -1 else -before)


@pytest.mark.parametrize("name", ["touch", "touch_new"])
def test_what_is_na_is_not_touched_and_leaves_the_path(name: str) -> None:
    path = of_closes([9.0, 9.0, 11.0])
    told = events(called(name, typed("if(open > 9, na, 10)")), path)
    assert [one.truth for one in told] == [-1, -1, 1]
