"""A wrong wall clock is told of as far as it can be known; nothing waits for it."""

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from tests.simulation.faults import Figures
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.engine.wall_clock import WallClock
from whispr_daemon.ports.metrics import CLOCK_JUMP_SECONDS, CLOCK_JUMPS

HOUR = 3600
NANOS = 1_000_000_000
NOW = 1_750_000_000 * NANOS


class Turned(ManualClock):
    """A clock whose wall time can be set."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.wrong = 0  # seconds

    @override
    def now(self) -> int:
        return super().now() + self.wrong * NANOS


class Stage:
    """A wall clock that is watched."""

    def __init__(self) -> None:
        self.clock, self.figures = Turned(), Figures()
        self.wall = WallClock(self.clock, self.figures)

    def turn(self, wrong: int) -> None:
        self.clock.wrong = wrong
        self.clock.advance(0.5)
        self.wall.look()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(autouse=True)
def journal() -> Iterator[list[Any]]:
    with capture_logs() as logged:
        yield logged


@pytest.mark.parametrize(("wrong", "said"), [(HOUR, "+3600"), (-HOUR, "-3600")])
def test_a_jump_by_an_hour_is_told_counted_and_logged(
    stage: Stage, journal: list[Any], wrong: int, said: str
) -> None:
    stage.turn(wrong)
    stage.clock.advance(12)
    (warning,) = stage.wall.warnings()
    assert f"jumped by {said} s, 12 s ago" in warning
    assert stage.figures.counts[CLOCK_JUMPS.name] == 1
    assert stage.figures.gauges[CLOCK_JUMP_SECONDS.name,] == wrong
    assert [(each["log_level"], each["event"]) for each in journal] == [
        ("warning", "wall clock jumped")
    ]


def test_set_right_again_nothing_is_said_any_more(stage: Stage) -> None:
    stage.turn(HOUR)
    stage.turn(0)
    assert stage.wall.warnings() == ()
    assert stage.figures.counts[CLOCK_JUMPS.name] == 2


def test_where_it_stays_it_is_the_time_after_an_hour(stage: Stage) -> None:
    stage.turn(HOUR)
    stage.clock.advance(HOUR + 1)
    stage.wall.look()
    assert stage.wall.warnings() == ()


def test_time_that_passes_between_two_looks_is_no_jump(stage: Stage) -> None:
    for seconds in (0.5, 20.0, 4000.0):
        stage.clock.advance(seconds)
        stage.wall.look()
    assert stage.wall.warnings() == ()
    assert stage.figures.counts[CLOCK_JUMPS.name] == 0


def test_who_begins_with_a_clock_behind_its_own_log_says_so_until_it_is_not(
    stage: Stage, journal: list[Any]
) -> None:
    stage.wall.compare(NOW + HOUR * NANOS)
    (warning,) = stage.wall.warnings()
    assert "3600 s behind the newest entry of the log" in warning
    assert [each["event"] for each in journal] == ["wall clock is behind the log"]
    stage.clock.advance(HOUR)
    assert stage.wall.warnings() == ()


def test_who_begins_with_a_clock_past_its_log_says_nothing(
    stage: Stage, journal: list[Any]
) -> None:
    stage.wall.compare(NOW - 1)
    assert stage.wall.warnings() == ()
    assert journal == []
