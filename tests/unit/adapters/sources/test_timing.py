"""How far rows are apart is said without sorting the steps, and is their median all the same."""

import numpy as np
import pytest

from whispr_daemon.adapters.sources.timing import spacing
from whispr_daemon.domain.batch import Rows, empty_rows

SYMBOLS = 3


def rows_of(steps: list[list[int]], *, in_turns: bool) -> Rows:
    """Return rows of some symbols, each with its steps in time, by symbol or in order of time."""
    parts = []
    for code, each in enumerate(steps):
        rows = empty_rows(len(each) + 1)
        rows["ts"] = 1_000 + np.cumsum([0, *each])
        rows["instrument"] = code
        parts.append(rows)
    found = np.concatenate(parts)
    return found[np.argsort(found["ts"], kind="stable")] if in_turns else found


def median(steps: list[list[int]]) -> int:
    positive = [step for each in steps for step in each if step > 0]
    return int(np.median(positive)) if positive else 0


@pytest.mark.parametrize("in_turns", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_the_spacing_is_the_median_of_the_steps(seed: int, in_turns: bool) -> None:
    drawn = np.random.default_rng(seed)
    length, kinds = int(drawn.integers(0, 40)), int(drawn.integers(1, 4))
    steps = [
        drawn.choice([0, 60, 60, 86_400][: kinds + 1], length).tolist() for _ in range(SYMBOLS)
    ]
    assert spacing(rows_of(steps, in_turns=in_turns)) == median(steps)


def test_a_half_is_not_most_of_them() -> None:
    steps = [[60, 60, 86_400, 86_400]]
    assert spacing(rows_of(steps, in_turns=False)) == (60 + 86_400) // 2


def test_rows_without_a_time_are_no_steps() -> None:
    rows = rows_of([[60, 60, 60, 60]], in_turns=False)
    rows["ts"][1] = 0
    assert spacing(rows) == 60
