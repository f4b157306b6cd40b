"""Functions that remember conditions are what their definitions say of all evaluations so far."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rules.functions.bars import NAN, Bars, of_closes, values
from tests.unit.rules.functions.expressions import typed

truths = st.lists(st.sampled_from([1, 0, -1]), max_size=30)
CONDITION = "close > 0"


def bars_of(truths: list[int]) -> Bars:
    """Bars on which the close is above 0, na, or below 0."""
    return of_closes([NAN if truth == 0 else float(truth) for truth in truths])


@given(truths)
def test_bars_since_counts_from_the_last_time(truths: list[int]) -> None:
    found = values(typed(f"bars_since({CONDITION})"), bars_of(truths))
    for at, value in enumerate(found):
        seen = truths[: at + 1]
        wanted = seen[::-1].index(1) if 1 in seen else NAN
        assert repr(value) == repr(float(wanted))


@given(truths)
def test_value_when_holds_what_was_there_the_last_time(truths: list[int]) -> None:
    bars = bars_of(truths)._replace(open=[float(place) for place in range(len(truths))])
    found = values(typed(f"value_when({CONDITION}, open)"), bars)
    for at, value in enumerate(found):
        when = [place for place in range(at + 1) if truths[place] == 1]
        assert repr(value) == repr(float(when[-1]) if when else NAN)


@given(truths, st.integers(1, 6))
def test_the_last_evaluations_are_kleenes_and_or_and_count(truths: list[int], length: int) -> None:
    bars = bars_of(truths)
    counts = values(typed(f"count_true({CONDITION}, {length})"), bars)
    every = values(typed(f"all_true({CONDITION}, {length})"), bars)
    some = values(typed(f"any_true({CONDITION}, {length})"), bars)
    for at in range(len(truths)):
        before = [0] * length + truths[: at + 1]
        window = before[-length:]  # what was not seen is not known
        assert every[at] == min(window)
        assert some[at] == max(window)
        assert repr(counts[at]) == repr(NAN if 0 in window else float(window.count(1)))


def test_nothing_is_remembered_of_what_is_not_warm() -> None:
    # The SMA has a value, and so the condition a truth, from the third bar on.
    bars = of_closes([9.0, 9.0, 3.0, 1.0, 1.0])
    assert values(typed("all_true(close < sma(close, 3), 2)"), bars)[-2:] == [1, 1]
    (*first, last) = values(typed("count_true(close < sma(close, 3), 3)"), bars)
    assert all(map(math.isnan, first))
    assert last == 3


@pytest.mark.parametrize("text", ["bars_since(cross(close, 10))", "count_true(touch(10), 2)"])
def test_events_are_conditions_to_remember(text: str) -> None:
    found = values(typed(text), of_closes([9.0, 11.0, 11.5, 12.0]))
    assert found[-1] == {"b": 2, "c": 0}[text[0]]
