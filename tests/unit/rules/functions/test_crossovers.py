"""TradingView's crosses, and how ours differ."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rules.functions.bars import NAN, Bars, events, of_closes
from tests.unit.rules.functions.expressions import called, number, typed
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.nodes import Call, Price, Type

STEPPING = Price(type=Type.LEVEL, start=0, end=0, field="volume")

pairs = st.lists(
    st.tuples(*(st.sampled_from([NAN, 1.0, 1.0 + 1e-12, 2.0, 3.0]) for _ in range(2))), max_size=25
)


def two(drawn: list[tuple[float, float]]) -> Bars:
    """Bars that open at the one and close at the other."""
    first, last = [one for one, _ in drawn], [other for _, other in drawn]
    return of_closes(last)._replace(open=first)


@given(pairs)
def test_a_crossover_is_beyond_now_and_not_on_the_last_bar_where_both_were_defined(
    drawn: list[tuple[float, float]],
) -> None:
    bars = two(drawn)
    over = events(typed("crossover(close, open)"), bars)
    under = events(typed("crossunder(open, close)"), bars)
    defined = [(place, a, b) for place, (b, a) in enumerate(drawn) if a == a and b == b]
    fires = {
        place for (_, a, b), (place, x, y) in pairwise(defined) if a <= b and x > y
    }  # fmt: skip
    assert {place for place, told in enumerate(over) if told.truth == 1} == fires
    assert [told.truth for told in under] == [told.truth for told in over]
    assert {told.direction for told in over} <= {1}
    assert {told.direction for told in under} <= {-1}


def test_a_level_is_compared_as_it_stood() -> None:
    # The level steps from 10 over the price of 12: TradingView sees the price go under it.
    bars = of_closes([9.0, 12.0, 12.0])._replace(volume=[10.0, 10.0, 13.0])
    close = typed("close")
    assert [told.truth for told in events(called("crossunder", close, STEPPING), bars)] == [
        -1, -1, 1,
    ]  # fmt: skip
    assert [told.truth for told in events(called("cross_down", close, STEPPING), bars)] == [
        -1, -1, -1,
    ]  # fmt: skip


def test_it_tells_level_direction_and_gap() -> None:
    bars = of_closes([9.0, 12.0])._replace(volume=[10.0, 10.0], open=[9.0, 11.0])
    over = events(called("crossover", typed("close"), STEPPING), bars)[1]
    assert over == (1, 1, 1, 10.0)
    under = events(called("crossunder", STEPPING, typed("close")), bars)[1]
    assert under == (1, 1, 1, 10.0)  # the price went up through a level that went under it
    walked = events(called("crossover", typed("close"), STEPPING), of_closes([9.0, 12.0])._replace(
        volume=[10.0, 10.0]
    ))[1]  # fmt: skip
    assert walked.gap == 0


@pytest.mark.parametrize(
    ("name", "ours"), [("crossover", "cross_up"), ("crossunder", "cross_down")]
)
def test_the_difference_is_told(name: str, ours: str) -> None:
    call = called(name, typed("close"), number(10.0))
    assert isinstance(call, Call)
    (remark,) = FUNCTIONS[name].remarks(call)
    assert (remark.code, remark.severity) == ("W202", "info")
    assert ours in remark.message
