"""Every indicator, bar by bar, is what its definition says of all bars so far."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.functions.bars import NAN, of_closes, values, walk_of
from tests.unit.rules.functions.expressions import called, number, typed
from whispr_daemon.rules.functions.folds import Input, Output, State, fold
from whispr_daemon.rules.functions.function import Folded
from whispr_daemon.rules.functions.table import FUNCTIONS

Inputs = Sequence[float]


def mean_from(length: int, weight: float) -> Callable[[Inputs], float]:
    """An average that starts as a mean and then moves by ``weight`` of the distance."""

    def reference(inputs: Inputs) -> float:
        average = fmean(inputs[:length])
        for x in inputs[length:]:
            average += weight * (x - average)
        return average

    return reference


def weighed(inputs: Inputs) -> float:
    return sum(place * x for place, x in enumerate(inputs, 1)) / sum(range(1, len(inputs) + 1))


def hull(inputs: Inputs, length: int) -> float:
    short = math.isqrt(length)
    raw = [
        2 * weighed(inputs[end - length // 2 : end]) - weighed(inputs[end - length : end])
        for end in range(len(inputs) - short + 1, len(inputs) + 1)
    ]
    return weighed(raw)


def strength(inputs: Inputs, length: int) -> float:
    steps = [after - before for before, after in pairwise(inputs)]
    gain = mean_from(length, 1 / length)([max(step, 0.0) for step in steps])
    loss = mean_from(length, 1 / length)([max(-step, 0.0) for step in steps])
    return 100.0 if loss <= 1e-10 else 100.0 - 100.0 / (1.0 + gain / loss)


def run_of(inputs: Inputs, side: int) -> int:
    """How many of the last steps in a row went to a side."""
    count = 0
    for before, after in zip(inputs[-2::-1], inputs[:0:-1], strict=False):
        if (after - before) * side <= 0:
            break
        count += 1
    return count


# By name: how many inputs it needs of a length, and its value of all inputs so far.
REFERENCES: dict[str, tuple[Callable[[int], int], Callable[[Inputs, int], float]]] = {
    "ema": (lambda n: n, lambda inputs, n: mean_from(n, 2 / (n + 1))(inputs)),
    "rma": (lambda n: n, lambda inputs, n: mean_from(n, 1 / n)(inputs)),
    "sma": (lambda n: n, lambda inputs, n: fmean(inputs[-n:])),
    "sum": (lambda n: n, lambda inputs, n: math.fsum(inputs[-n:])),
    "wma": (lambda n: n, lambda inputs, n: weighed(inputs[-n:])),
    "hma": (lambda n: n + math.isqrt(n) - 1, hull),
    "stdev": (lambda n: n, lambda inputs, n: pstdev(inputs[-n:])),
    "meandev": (
        lambda n: n,
        lambda inputs, n: fmean(abs(x - fmean(inputs[-n:])) for x in inputs[-n:]),
    ),
    "highest": (lambda n: n, lambda inputs, n: max(inputs[-n:])),
    "lowest": (lambda n: n, lambda inputs, n: min(inputs[-n:])),
    "rsi": (lambda n: n + 1, strength),
    "rises": (lambda n: n + 1, lambda inputs, _n: run_of(inputs, 1)),
    "falls": (lambda n: n + 1, lambda inputs, _n: run_of(inputs, -1)),
}

inputs = st.lists(
    st.one_of(st.integers(-400, 400).map(lambda ticks: ticks / 4), st.just(NAN)), max_size=40
)


@pytest.mark.parametrize("name", REFERENCES)
@settings(max_examples=60)
@given(drawn=inputs, length=st.integers(2, 9))
def test_a_value_is_that_of_all_defined_inputs_so_far_and_others_are_skipped(
    name: str, drawn: list[float], length: int
) -> None:
    least, reference = REFERENCES[name]
    found = values(called(name, typed("close"), number(length)), of_closes(drawn))
    seen: list[float] = []
    for x, value in zip(drawn, found, strict=True):
        seen += [x] if x == x else []
        if x != x or len(seen) < least(length):
            assert math.isnan(value)
        else:
            assert value == pytest.approx(reference(seen, length), rel=1e-9, abs=1e-6)


@settings(max_examples=60)
@given(drawn=inputs, length=st.integers(1, 5))
def test_history_counts_bars_once_it_has_begun(drawn: list[float], length: int) -> None:
    found = values(called("hist", typed("close"), number(length)), of_closes(drawn))
    began = next((place for place, x in enumerate(drawn) if x == x), 0)
    wanted = [NAN if at - length < began else drawn[at - length] for at in range(len(drawn))]
    assert list(map(repr, found)) == list(map(repr, wanted))


FOLDED = {name: one.lowering for name, one in FUNCTIONS.items() if isinstance(one.lowering, Folded)}


@pytest.mark.parametrize("name", FOLDED)
@settings(max_examples=10)
@given(st.data())
def test_it_is_the_same_however_the_bars_are_cut(name: str, data: st.DataObject) -> None:
    folded, bars = FOLDED[name], walk_of(70)
    place = folded.place((5.0, 2.0))
    cuts = data.draw(st.lists(st.integers(0, 70), max_size=4).map(sorted))
    whole, parts = State([NAN] * place.width, [0]), State([NAN] * place.width, [0])
    expected = _fold(folded, bars._asdict(), whole, 0, 70)
    found: list[float] = []
    for start, end in zip([0, *cuts], [*cuts, 70], strict=True):
        found += _fold(folded, bars._asdict(), parts, start, end)
    assert list(map(repr, found)) == list(map(repr, expected))
    assert list(map(repr, parts.floats)) == list(map(repr, whole.floats))


def _fold(
    folded: Folded, columns: dict[str, list[float]], state: State, start: int, end: int
) -> list[float]:
    count = end - start
    cut = {name: column[start:end] for name, column in columns.items()}
    given = Input(
        slot=[0] * count,
        x=cut["close"],
        open=cut["open"],
        high=cut["high"],
        low=cut["low"],
        volume=cut["volume"],
        date=cut["date"],
    )
    out = Output([NAN] * count, [0] * count)
    fold(count, given, state, folded.place((5.0, 2.0)), out, folded.step)
    return list(out.value)
