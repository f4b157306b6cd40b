"""Signals that rules hear of each other: emitted, since, count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rules.bars import close_rows
from tests.unit.rules.compile.clauses import (
    START,
    above,
    both,
    clause,
    count,
    emitted,
    expression,
    rule,
    said,
    says,
    since,
)
from tests.unit.rules.market import engine, fold, minute_row
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.actions import Emit
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.rule import Rule

UP = clause("cross_up(price, 10)")


def telling(condition: Node, name: str = "T", **fields: object) -> Rule:
    """Return a rule whose first clause says S on a cross, whose second asks about it."""
    asking = clause(condition, id="asking", actions=(Emit(name=name),), edge="every", **fields)
    return rule(UP, asking)


def test_emitted_is_heard_by_the_clauses_after_it_in_the_same_evaluation() -> None:
    assert says(telling(emitted("S")), [9, 11, 12]) == ["2 S up", "2 T"]
    before = rule(clause(emitted("S"), actions=(Emit(name="T"),)), clause("price > 0", id="d"))
    assert says(before, [9, 11]) == []


def test_a_clause_does_not_hear_what_it_is_about_to_say() -> None:
    first = clause(both(expression("cross(price, 10)"), above(count("S"), 0, "==")))
    assert says(rule(first), [9, 11, 9]) == ["2 S up"]


def test_since_is_event_time_and_na_before_the_first() -> None:
    asking = telling(above(since("S"), 2 * MINUTE, ">="))
    assert says(asking, [9, 11, 12, 12, 12]) == ["2 S up", "4 T", "5 T"]


def test_counts_of_a_session_begin_anew_with_it() -> None:
    asking = telling(above(count("S"), 1))
    rows = np.concatenate(
        [
            minute_row(day, f"09:{30 + place}", close)
            for day in ("2026-06-23", "2026-06-24")
            for place, close in enumerate((9.0, 11.0, 9.0, 11.0))
        ]
    )
    lines = [line.split()[1] for line in said(fold(engine(asking), rows))]
    assert lines == ["S", "S", "T"] * 2


def test_counts_of_a_duration_forget() -> None:
    asking = telling(above(count("S", 3 * MINUTE), 1))
    assert says(asking, [9, 11, 9, 11, 12, 12]) == ["2 S up", "4 S up", "4 T"]


@given(st.lists(st.sampled_from([9.0, 11.0]), max_size=40), st.integers(1, 6))
def test_counts_of_a_duration_are_those_of_the_list_of_moments(
    closes: list[float], minutes: int
) -> None:
    asking = telling(above(count("S", minutes * MINUTE), 1))
    lines = says(asking, closes)
    moments = [int(line.split()[0]) for line in lines if line.split()[1] == "S"]
    expected = [
        minute
        for minute in range(1, len(closes) + 1)
        if sum(minute - minutes < moment <= minute for moment in moments) > 1
    ]
    assert [int(line.split()[0]) for line in lines if line.split()[1] == "T"] == expected


def test_a_rule_hears_another_that_comes_before_it() -> None:
    first = rule(UP, name="first", priority=1)
    second = rule(clause(emitted("S"), actions=(Emit(name="T"),)), name="second")
    outputs = fold(engine(second, first), close_rows([9, 11], START))
    assert said(outputs) == ["2 S up", "2 T"]


def test_shadows_hear_themselves_and_are_not_heard() -> None:
    asking = clause(emitted("S"), id="asking", actions=(Emit(name="T"),))
    assert says(rule(UP, asking, mode="shadow"), [9, 11]) == ["2 shadow", "2 shadow"]
    shadow = clause("cross_up(price, 10)", mode="shadow")
    assert says(rule(shadow, asking), [9, 11]) == ["2 shadow"]


def test_every_instrument_has_its_own_entries() -> None:
    rows = close_rows([9, 11], START)
    other = rows.copy()
    other["instrument"] = 1
    other["close"] = 9.0
    outputs = fold(engine(telling(emitted("S"))), np.concatenate([rows, other]), ["SPY", "QQQ"])
    assert [one.instrument for one in outputs] == ["SPY", "SPY"]


def test_what_was_said_is_known_after_a_restart_even_with_a_longer_window() -> None:
    before = engine(telling(above(count("S", 2 * MINUTE), 0)))
    fold(before, close_rows([9, 11], START))
    after = engine(telling(above(count("S", 9 * MINUTE), 0)))
    after.restore(before.snapshot())
    outputs = fold(after, close_rows([11], START + 4 * MINUTE))
    assert [one.name for one in outputs] == ["T"]


def test_a_board_keeps_only_what_somebody_asks_about() -> None:
    assert Board([rule(UP)]).width == 0
    board = Board([telling(above(count("S", 9 * MINUTE), 0))])
    assert board.place("S") == (0, 10)  # moments that fit in, at one a minute
    with pytest.raises(KeyError):
        board.place("T")
