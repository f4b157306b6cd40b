"""A leak is told from noise, from a saw and from a start."""

from collections.abc import Callable
from random import Random

import pytest

from tests.soak.course import HOUR, Course

MB = 2**20
SECONDS = 1_800


def course(
    value: Callable[[float], float], allowed: float = 4 * MB, limit: float = 0.0, every: int = 1
) -> Course:
    """A course of half an hour, with noise of half a megabyte."""
    random = Random(7)
    times = [float(second) for second in range(0, SECONDS, every)]
    values = [value(at) + random.uniform(-0.25, 0.25) * MB for at in times]
    return Course("memory daemon", "bytes", times, values, allowed, limit)


def test_what_stands_still_is_flat() -> None:
    found = course(lambda _: 200 * MB)
    assert found.verdict == "flat"
    assert abs(found.slope) < MB


def test_what_grew_only_while_it_started_is_flat() -> None:
    assert course(lambda at: (100 + 100 * min(1, at / 600)) * MB).verdict == "flat"


@pytest.mark.parametrize("megabytes_an_hour", [40, 200, 4_000])
def test_a_leak_grows_and_its_slope_is_told(megabytes_an_hour: float) -> None:
    found = course(lambda at: 200 * MB + at / HOUR * megabytes_an_hour * MB)
    assert found.verdict == "grows"
    assert found.slope == pytest.approx(megabytes_an_hour * MB, rel=0.05)


def test_a_leak_that_begins_late_grows() -> None:
    assert course(lambda at: (200 + max(0, at - 1_500) / 10) * MB).verdict == "grows"


def test_a_leak_under_a_saw_grows() -> None:
    assert course(lambda at: (at % 60 + at / 20) * MB).verdict == "grows"


@pytest.mark.parametrize("period", [60, 400])
def test_a_saw_that_reaches_no_higher_is_bounded_or_flat(period: int) -> None:
    assert course(lambda at: (100 + 70 * (at % period) / period) * MB).verdict != "grows"


def test_what_has_a_limit_may_grow_up_to_it_and_no_further() -> None:
    def rising(at: float) -> float:
        return 100 * at / SECONDS * MB

    assert course(rising, limit=120 * MB).verdict == "bounded"
    assert course(rising, limit=90 * MB).verdict == "grows"


def test_one_open_file_a_minute_is_a_leak() -> None:
    times = [float(second) for second in range(SECONDS)]
    leak = Course("files daemon", "count", times, [40 + at // 60 for at in times], 3.0)
    well = Course("files daemon", "count", times, [40 + at % 2 for at in times], 3.0)
    assert (leak.verdict, well.verdict) == ("grows", "flat")


def test_a_few_looks_are_no_course() -> None:
    assert course(lambda at: at * MB, every=600).verdict == "flat"
