"""The filters of a clause, each and in their order."""

import numpy as np
import pytest

from tests.unit.rules.bars import bar_rows, close_rows
from tests.unit.rules.compile.clauses import clause, expression, rule, says
from tests.unit.rules.market import engine, fired, fold, minute_row
from whispr_daemon.domain.outputs import Audit
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.rule import Clause, Limit

UP = "cross_up(price, 10)"
HIGH = "price > 10"


def limit(name: str, count: int, per: str) -> Limit:
    return Limit(name=name, count=count, per=per)  # type: ignore[arg-type]


def once(per: str) -> tuple[Limit, ...]:
    return (limit("once", 1, per),)


def nights(one: Clause, *days: list[float]) -> list[str]:
    """Return the signals over days of closes, each from 09:30."""
    dates = ("2026-06-22", "2026-06-23", "2026-06-24")
    rows = [
        minute_row(day, f"09:{30 + place}", close)
        for day, closes in zip(dates, days, strict=False)
        for place, close in enumerate(closes)
    ]
    return fired(fold(engine(rule(one)), np.concatenate(rows)))


# --- edge
def test_an_event_fires_whenever_it_is_true_and_on_its_edge_if_told() -> None:
    touching = "cross(price, 10) or cross(price, 11)"
    assert says(clause(touching), [9, 10.5, 12]) == ["2 S up", "3 S up"]
    assert says(clause(touching, edge="rising"), [9, 9, 10.5, 12]) == ["3 S up"]


def test_every_makes_a_condition_fire_as_long_as_it_is_true() -> None:
    assert says(clause(HIGH, edge="every"), [11, 12, 9, 11]) == ["1 S", "2 S", "4 S"]


def test_fire_on_start_fires_what_is_true_at_first_and_after_a_gap_but_not_after_na() -> None:
    at_start = clause(HIGH, fire_on_start=True)
    assert says(at_start, [11, 12, 9, 11]) == ["1 S", "4 S"]
    assert says(at_start, [11, None, None, None, 11]) == ["1 S", "5 data_gap", "5 S"]
    flicker = clause("1 / (price - 12) > 0", fire_on_start=True)  # na at 12
    assert says(flicker, [14, 12, 14, 11, 14]) == ["1 S", "2 error", "5 S"]


# --- for
def test_for_fires_when_it_has_held_so_long_and_anew_after_it_broke() -> None:
    held = clause(HIGH, hold=2 * MINUTE)
    assert says(held, [9, 11, 11, 11, 11, 9, 11, 11, 9, 11, 11, 11]) == ["4 S", "12 S"]


def test_for_never_fires_what_was_true_at_the_start() -> None:
    assert says(clause(HIGH, hold=MINUTE), [11, 11, 11, 9, 11, 11]) == ["6 S"]


def test_na_breaks_for() -> None:
    undefined_at_twelve = clause("1 / (price - 12) > 0", hold=MINUTE)
    assert says(undefined_at_twelve, [11, 13, 12, 13, 13, 11, 13, 13]) == ["3 error", "8 S"]


def test_for_begins_anew_after_a_gap_and_after_the_night() -> None:
    held = clause(HIGH, hold=2 * MINUTE, fire_on_start=True)
    assert says(held, [9, 11, None, None, None, 11, 11, 11]) == ["6 data_gap", "8 S"]
    assert nights(clause(HIGH, hold=MINUTE), [9, 11], [11, 11], [11]) == ["S"]
    assert nights(clause(HIGH, hold=MINUTE), [9, 11], [11]) == []
    assert nights(clause(HIGH, hold=MINUTE, span_sessions=True), [9, 11], [11]) == ["S"]


# --- when
def test_the_gate_stops_events_and_says_so() -> None:
    gated = rule(clause(UP), when="volume >= 0 and price < 12")
    assert says(gated, [9, 11, 9, 13, 9, 11]) == ["2 S up", "4 suppressed when", "6 S up"]


def test_a_condition_fires_when_the_gate_opens_and_is_noted_once_when_it_would_have() -> None:
    gated = rule(clause(HIGH), when="price < 12")
    assert says(gated, [9, 13, 14, 11, 11, 13, 11]) == ["2 suppressed when", "4 S", "7 S"]


def test_an_unknown_gate_is_shut() -> None:
    assert says(rule(clause(UP), when="na > 1"), [9, 11]) == ["2 suppressed when"]


# --- gap
def gaps(how: str) -> list[str]:
    start = 1_782_307_800_000_000_000
    bars = [(9.0, 9.0), (9.5, 11.0), (11.0, 9.0), (10.5, 11.0)]
    rows = bar_rows(
        [
            (start + (place + 1) * MINUTE, first, max(first, last), min(first, last), last)
            for place, (first, last) in enumerate(bars)
        ]
    )
    outputs = fold(engine(rule(clause(UP, gap=how))), rows)
    return [f"{one.name} {one.data.get('reason', '')}".strip() for one in outputs]


def test_gaps_are_excluded_or_the_only_ones() -> None:
    assert gaps("include") == ["S", "S"]
    assert gaps("exclude") == ["S", "suppressed gap"]
    assert gaps("only") == ["suppressed gap", "S"]


# --- rearm
def test_rearm_must_be_true_again_before_the_next_fire() -> None:
    rearmed = clause(UP, rearm=expression("price < 8"))
    assert says(rearmed, [7, 11, 9, 11, 7, 9, 11]) == ["2 S up", "4 suppressed rearm", "7 S up"]


# --- limits
def test_once_a_session_a_day_ever() -> None:
    days = [[9.0, 11.0, 9.0, 11.0], [9.0, 11.0]]
    assert nights(clause(UP, limits=once("session")), *days) == ["S up", "S up"]
    assert nights(clause(UP, limits=once("day")), *days) == ["S up", "S up"]
    assert nights(clause(UP, limits=once("ever")), *days) == ["S up"]
    spanning = clause(UP, limits=once("session"), span_sessions=True)
    assert nights(spanning, *days) == ["S up"]


def test_once_a_bar_is_no_limit_to_what_is_evaluated_once_a_bar() -> None:
    assert says(clause(UP, limits=once("bar")), [9, 11, 9, 11]) == ["2 S up", "4 S up"]


def test_the_limit_that_is_reached_first_is_the_reason() -> None:
    both = (limit("max_fires", 2, "session"), limit("once", 1, "ever"))
    assert says(clause(UP, limits=both), [9, 11, 9, 11]) == ["2 S up", "4 suppressed once"]
    twice = (limit("max_fires", 2, "session"),)
    assert says(clause(UP, limits=twice), [9, 11, 9, 11, 9, 11]) == [
        "2 S up",
        "4 S up",
        "6 suppressed max_fires",
    ]


# --- cooldown
def test_cooldown_runs_from_the_last_fire_to_the_session_s_end() -> None:
    cooled = clause(UP, cooldown=4 * MINUTE)
    assert says(cooled, [9, 11, 9, 11, 9, 11]) == ["2 S up", "4 suppressed cooldown", "6 S up"]
    long = clause(UP, cooldown=3 * 24 * 60 * MINUTE)
    assert nights(long, [9.0, 11.0, 9.0, 11.0], [9.0, 11.0]) == ["S up", "S up"]
    spanning = clause(UP, cooldown=3 * 24 * 60 * MINUTE, span_sessions=True)
    assert nights(spanning, [9.0, 11.0], [9.0, 11.0]) == ["S up"]


# --- order
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"gap": "only"}, "gap"),
        ({}, "when"),
    ],
)
def test_the_first_filter_that_stops_is_the_reason(fields: dict[str, str], reason: str) -> None:
    everything = clause(
        UP,
        rearm=expression("price < 0"),
        limits=once("ever"),
        cooldown=MINUTE * 60,
        **fields,
    )
    outputs = says(rule(everything, when="price < 10.5"), [9, 10.2, 9, 11])
    assert outputs[-1] == f"4 suppressed {reason}"


def test_rearm_comes_before_limits_and_these_before_cooldown() -> None:
    fields = {"rearm": expression("price < 0"), "limits": once("ever"), "cooldown": 60 * MINUTE}
    for reason in ("rearm", "once", "cooldown"):
        assert says(clause(UP, **fields), [9, 11, 9, 11])[-1] == f"4 suppressed {reason}"
        del fields[{"rearm": "rearm", "once": "limits", "cooldown": "cooldown"}[reason]]


# --- what is written
def test_a_fire_and_a_suppression_carry_the_values_of_the_clause() -> None:
    one = rule(clause("cross_up(price, 10) and EMA1 > 5", cooldown=60 * MINUTE), when="price < 99")
    first, second = fold(engine(one), close_rows([9, 11, 9, 12], 1_782_307_800_000_000_000))
    assert first.data["values"]["EMA1"] == 11.0
    assert first.data["values"]["cross_up(price, 10)"] is True
    assert (first.data["action"], first.data["dir"], first.data["gap"]) == (0, "up", False)
    assert isinstance(second, Audit)
    assert second.data["reason"] == "cooldown"
    assert second.data["values"]["EMA1"] == 12.0


def test_off_clauses_do_nothing_and_shadows_are_only_written_down() -> None:
    assert says(rule(clause(UP, mode="off"), clause(UP, mode="shadow")), [9, 11]) == ["2 shadow"]
    assert says(rule(clause(UP), mode="shadow"), [9, 11]) == ["2 shadow"]
    assert says(rule(clause(UP), mode="off"), [9, 11]) == []
