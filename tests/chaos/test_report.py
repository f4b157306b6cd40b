"""What a chaos run tells at its end."""

import pytest

from tests.chaos.checker import Findings
from tests.chaos.report import Report, Round

KEPT = Findings(expected=9, delivered=9)


def report(*rounds: Round, tier: int = 1) -> Report:
    return Report(
        command="ops/chaos",
        seed=1,
        tier=tier,
        mutant="",
        seconds=60.0,
        rounds=rounds,
        kinds=("host killed", "postgres frozen"),
    )


def test_kinds_that_were_not_met_are_named() -> None:
    assert report(Round([("host killed", 2.0)], KEPT)).not_met() == ["postgres frozen"]


def test_a_median_within_its_bound_is_kept_whatever_the_longest_was() -> None:
    found = report(Round([("host killed", 2.0), ("host killed", 3.0)], KEPT))
    found = found._replace(rounds=[*found.rounds, Round([("host killed", 60.0)], KEPT)])
    assert found.verdict == "well"
    assert [each.kept for each in found.bounds()] == [True, None]
    assert "kept, 3.0 s of 3" in found.bounds()[0].sentence()
    assert "not met" in found.bounds()[1].sentence()


@pytest.mark.parametrize(
    ("tier", "kind", "bound"),
    [(0, "daemon killed", 5.0), (1, "host killed", 10.0), (1, "all killed at once", 30.0)],
)
def test_too_slow_a_recovery_is_no_well_run(tier: int, kind: str, bound: float) -> None:
    assert report(Round([(kind, bound)], KEPT), tier=tier).verdict == "well"
    slow = report(Round([(kind, bound + 0.1)], KEPT), tier=tier)
    assert slow.verdict == "slow"
    assert any("TOO SLOW" in each.sentence() for each in slow.bounds())


@pytest.mark.parametrize(
    "broken",
    [
        Round([("host killed", 2.0)], KEPT._replace(lost=("a",))),
        Round([("host killed", 2.0)], KEPT._replace(repeated={"a": 2})),
        Round([], KEPT, stuck="not well 90 s after a fault"),
        Round([], None, stuck="cannot be judged"),
    ],
)
def test_one_broken_round_breaks_the_run(broken: Round) -> None:
    found = report(Round([("host killed", 2.0)], KEPT, zombies=2), broken)
    assert found.verdict == "broken"
    assert found.plain()["zombies_fenced"] == 2


def test_a_run_without_a_round_has_shown_nothing() -> None:
    assert report().verdict == "broken"
