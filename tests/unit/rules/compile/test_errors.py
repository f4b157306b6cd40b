"""Errors of expressions: na and a line of the audit, after ten in a row the clause is off."""

from tests.unit.rules.bars import close_rows
from tests.unit.rules.compile.clauses import START, clause, expression, rule, said, says
from tests.unit.rules.market import engine, fold
from whispr_daemon.domain.outputs import Alert, Audit
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.actions import Intend

DIVIDING = clause("1 / (price - 10) > 0")
BAD = 10.0
FALSE, TRUE = 9.0, 11.0


def test_a_division_by_zero_is_na_and_one_line_of_the_audit() -> None:
    assert says(DIVIDING, [FALSE, BAD, BAD, TRUE, FALSE, TRUE]) == ["2 error", "6 S"]
    _, error = fold(engine(rule(DIVIDING)), close_rows([FALSE, TRUE, BAD], START))
    assert isinstance(error, Audit)
    assert error.message == "c: division by zero, which is na"
    assert error.data["values"]["1 / (price - 10)"] is None


def test_an_overflow_is_one_too_and_na_is_none() -> None:
    assert says(clause("price * 1e308 > 1"), [9.0]) == ["1 error"]
    assert says(clause("price / 2 + na > 1"), [9.0]) == []
    assert says(clause("na / (price - 10) > 1"), [BAD]) == []


def test_ten_in_a_row_disable_the_clause_with_one_alert_and_no_other() -> None:
    both = rule(DIVIDING, clause("cross(price, 12)", id="sound"))
    closes = [FALSE, *[BAD] * 12, FALSE, TRUE, 13.0]
    outputs = fold(engine(both), close_rows(closes, START))
    assert said(outputs) == ["2 error", "11 error", "16 S up"]
    alert = outputs[1]
    assert isinstance(alert, Alert)
    assert alert.severity == "error"
    assert alert.message.startswith("r c is disabled after 10 evaluations in a row with an error")


def test_nine_in_a_row_do_not() -> None:
    assert says(DIVIDING, [*[BAD] * 9, FALSE, *[BAD] * 9, FALSE, TRUE])[-1] == "21 S"


def test_a_disabled_clause_stays_so_over_a_restart_until_it_says_something_else() -> None:
    before = engine(rule(DIVIDING))
    fold(before, close_rows([BAD] * 11, START))
    then = close_rows([FALSE, TRUE], START + 11 * MINUTE)
    same = engine(rule(DIVIDING))
    same.restore(before.snapshot())
    assert fold(same, then) == []
    other = engine(rule(clause("1 / (price - 10) > 0.5")))
    other.restore(before.snapshot())
    assert said(fold(other, then)) == ["13 S"]


def test_an_error_in_an_action_is_one_of_the_clause_and_its_value_none() -> None:
    order = Intend(
        verb="order",
        written={"side": "buy", "stop": "1 / (price - 11)", "qty": 5},
        expressions=(("stop", expression("1 / (price - 11)")),),
    )
    one = rule(clause("cross_up(price, 10)", actions=(order,)))
    signal, error = fold(engine(one), close_rows([9, 11], START))
    assert signal.name == "order"
    assert signal.intent == {"side": "buy", "stop": None, "qty": 5}  # type: ignore[union-attr]
    assert error.name == "error"


def test_errors_before_the_rule_is_warm_do_not_count() -> None:
    cold = clause("1 / (price - 10) > 0 and SMA20 > 0")
    assert says(cold, [BAD] * 12) == []
