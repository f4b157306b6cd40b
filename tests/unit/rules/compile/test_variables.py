"""Variables of a rule: set, read, reset, kept."""

import numpy as np

from tests.unit.rules.bars import close_rows
from tests.unit.rules.compile.clauses import (
    START,
    above,
    clause,
    rule,
    said,
    says,
    variable,
)
from tests.unit.rules.market import engine, fired, fold, minute_row
from whispr_daemon.domain.outputs import Audit
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.actions import Assign, Emit
from whispr_daemon.rules.nodes import Arithmetic, Const, Type
from whispr_daemon.rules.rule import Held, Rule

X = variable("x")
ONE = Const(type=Type.NUM, start=0, end=0, value=1.0)
MORE = Arithmetic(type=Type.NUM, start=0, end=0, op="+", left=X, right=ONE)
COUNTING = clause("cross(price, 10)", id="counting", actions=(Assign(name="x", value=MORE),))
ASKING = clause(above(X, 1), id="asking")


def counter(*clauses: object, reset: str = "never", **fields: object) -> Rule:
    held = Held(name="x", init=0.0, reset=reset)  # type: ignore[arg-type]
    return rule(*(clauses or (COUNTING, ASKING)), variables=(held,), **fields)  # type: ignore[arg-type]


def test_a_variable_is_set_for_the_clauses_after_and_for_later_evaluations() -> None:
    assert says(counter(), [9, 11, 9, 11]) == ["2 set", "3 set", "3 S", "4 set"]
    assert says(counter(ASKING, COUNTING), [9, 11, 9, 11]) == ["2 set", "3 set", "4 S", "4 set"]


def test_the_actions_of_a_clause_see_the_values_before_it() -> None:
    both = (Assign(name="x", value=MORE), Emit(name="S", data=(("x", X),)))
    outputs = fold(engine(counter(clause("price > 10", actions=both))), close_rows([9, 11], START))
    first, second = outputs
    assert isinstance(first, Audit)
    assert (first.message, first.data["set"]) == ("x = 1.0", {"x": 1.0})
    assert second.data["data"] == {"x": 0.0}


def test_variables_begin_anew_with_their_scope() -> None:
    rows = np.concatenate(
        [
            minute_row(day, f"09:{30 + place}", close)
            for day, closes in (("2026-06-23", (9.0, 11.0)), ("2026-06-24", (11.0, 9.0)))
            for place, close in enumerate(closes)
        ]
    )
    assert fired(fold(engine(counter()), rows)) == ["S"]
    assert fired(fold(engine(counter(reset="session")), rows)) == []
    assert fired(fold(engine(counter(reset="day")), rows)) == []


def test_a_gate_on_a_variable_sees_what_clauses_before_have_set() -> None:
    gated = counter(COUNTING, clause("cross(price, 10)", id="gated"), when=above(X, 1, "<"))
    lines = says(gated, [9, 11, 9])
    assert lines == ["2 set", *[f"{minute} suppressed when" for minute in (2, 3, 3)]]


def test_a_variable_outlives_a_restart_and_a_change_of_clauses() -> None:
    before = engine(counter())
    fold(before, close_rows([9, 11], START))
    fresh = clause(above(X, 0.5), id="fresh", edge="every")
    after = engine(counter(fresh))
    after.restore(before.snapshot())
    assert said(fold(after, close_rows([11], START + 2 * MINUTE))) == ["3 S"]
