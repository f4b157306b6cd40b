"""Sequences: steps one after the other, how long they may take, what drops them."""

from typing import Any

import numpy as np

from tests.unit.rules.bars import close_rows
from tests.unit.rules.compile.clauses import clause, expression, rule, said, says, step
from tests.unit.rules.market import engine, fired, fold, minute_row
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.actions import Emit
from whispr_daemon.rules.rule import Clause, Sequence, Step

A = step("a", "price == 1")
B = step("b", "price == 2")
C = step("c", "price == 3")


def steps(*given: Step, clause_fields: dict[str, Any] | None = None, **fields: Any) -> Clause:
    return clause(None, sequence=Sequence(steps=given, **fields), **(clause_fields or {}))


def test_steps_are_done_in_order_each_by_a_later_evaluation() -> None:
    assert says(steps(A, B, C), [0, 1, 3, 2, 1, 3, 2, 3]) == ["6 S"]
    assert says(steps(A, A), [1, 1, 1, 1, 1]) == ["2 S", "4 S"]


def test_with_same_bar_several_steps_may_be_done_at_once() -> None:
    low, lower = step("low", "price < 5"), step("lower", "price < 3")
    assert says(steps(low, lower), [2]) == []
    assert says(steps(low, lower, same_bar=True), [2, 9, 4, 2]) == ["1 S", "4 S"]


def test_within_counts_from_the_first_step() -> None:
    short = steps(A, B, within=2 * MINUTE)
    assert says(short, [1, 0, 2, 1, 0, 0, 2]) == ["3 S", "7 timeout"]
    assert says(short, [1, 0, 0, 1, 2]) == ["4 timeout", "5 S"]  # and what ended it begins anew


def test_a_timeout_does_what_it_is_told_to() -> None:
    fields = {"on_timeout": (Emit(name="LATE"),)}
    late = steps(A, B, within=MINUTE, clause_fields=fields)
    assert says(late, [1, 0, 0]) == ["3 timeout", "3 LATE"]


def test_until_drops_a_partial_match_before_the_steps_are_looked_at() -> None:
    dropped = steps(A, B, until=expression("price > 5 or price == 2.5"))
    assert says(dropped, [1, 9, 2, 1, 2]) == ["5 S"]
    same = steps(A, B, until=expression("price == 2"))
    assert says(same, [1, 2]) == []


def test_after_a_match_the_next_search_starts_at_the_following_evaluation() -> None:
    circle = steps(A, B, step("a", "price == 1"))
    assert says(circle, [1, 2, 1, 2, 1, 2, 1]) == ["3 S", "7 S"]


def test_one_partial_match_at_a_time_unless_they_may_overlap() -> None:
    closes = [1, 0, 1, 0, 2, 2]
    single = steps(A, B, within=3 * MINUTE)
    assert says(single, closes) == ["5 timeout"]
    assert says(steps(A, B, within=3 * MINUTE, overlap=True), closes) == ["5 timeout", "5 S"]


def test_matches_of_one_evaluation_are_one_event() -> None:
    assert says(steps(A, B, overlap=True), [1, 1, 1, 2, 2]) == ["4 S"]


def test_no_more_than_sixteen_matches_overlap() -> None:
    many = [1.0] * 20
    late = steps(A, B, within=17 * MINUTE, overlap=True)
    assert says(late, [*many, 2, 2]) == ["19 timeout", "20 timeout", "21 timeout", "21 S"]


def test_an_absent_step_waits_until_nothing_was_true_for_so_long() -> None:
    quiet = step("quiet", "price == 5", absent=2 * MINUTE)
    assert says(steps(A, quiet), [1, 0, 0, 0]) == ["3 S"]
    assert says(steps(A, quiet), [1, 5, 0, 5, 0, 0, 0]) == ["6 S"]
    assert says(steps(quiet, A), [0, 0, 1, 1]) == ["4 S"]
    assert says(steps(A, quiet, within=MINUTE), [1, 0, 0]) == ["3 timeout"]


def test_na_is_not_true_and_so_absent() -> None:
    assert says(steps(A, step("quiet", "na > 1", absent=MINUTE)), [1, 0]) == ["2 S"]


def test_after_a_gap_absence_is_waited_for_anew_and_steps_stay_done() -> None:
    quiet = step("quiet", "price == 5", absent=2 * MINUTE)
    assert says(steps(A, quiet), [1, None, None, None, 0, 0, 0]) == ["5 data_gap", "7 S"]
    assert says(steps(A, B, within=5 * MINUTE), [1, None, None, None, 2]) == ["5 data_gap", "5 S"]


def test_the_night_ends_a_sequence_unless_it_spans_sessions() -> None:
    rows = np.concatenate(
        [minute_row("2026-06-23", "15:59", 1.0), minute_row("2026-06-24", "09:30", 2.0)]
    )
    assert fired(fold(engine(rule(steps(A, B))), rows)) == []
    spanning = steps(A, B, clause_fields={"span_sessions": True})
    assert fired(fold(engine(rule(spanning)), rows)) == ["S"]


def test_the_event_of_the_last_step_speaks_for_the_sequence() -> None:
    last = step("up", "cross_up(price, 10)")
    assert says(steps(A, last), [1, 9, 11]) == ["3 S up"]
    only_gaps = steps(A, last, clause_fields={"gap": "only"})
    assert says(only_gaps, [1, 9, 11]) == ["3 suppressed gap"]


def test_nothing_begins_before_the_rule_is_warm() -> None:
    warm = steps(A, B, step("c", "SMA3 < 99"))
    assert says(warm, [1, 2, 0, 0]) == []
    assert says(warm, [0, 0, 1, 2, 0]) == ["5 S"]


def test_a_shut_gate_stops_a_match_which_is_over_then() -> None:
    gated = rule(steps(A, B), when="volume > 1 or price != 2")
    assert says(gated, [1, 2, 2]) == ["2 suppressed when"]


def test_steps_cross_every_bar_whichever_is_waited_for() -> None:
    up, down = step("up", "cross_up(price, 10)"), step("down", "cross_down(price, 10)")
    outputs = fold(engine(rule(steps(up, down))), close_rows([9, 11, 9], 0 + 1_782_307_800 * 10**9))
    assert said(outputs)[-1].endswith("S down")
