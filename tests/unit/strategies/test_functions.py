"""The shipped example of a function for rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.functions import SLOPE, slope


def test_a_line_rises_by_its_slope() -> None:
    assert slope([3.0 + 0.25 * place for place in range(SLOPE.warmup)]) == pytest.approx(0.25)


@given(st.lists(st.floats(-1e3, 1e3), min_size=20, max_size=20))
def test_it_is_that_of_the_least_squares_line(values: list[float]) -> None:
    assert SLOPE.compute(values) == pytest.approx(np.polyfit(range(20), values, 1)[0], abs=1e-8)
