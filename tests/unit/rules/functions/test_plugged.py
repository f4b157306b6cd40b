"""Functions of plug-ins: called with windows of their series, at work like a built-in."""

import math
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from tests.unit.rules.bars import close_rows, ns
from tests.unit.rules.functions.bars import NAN, of_closes, values
from tests.unit.rules.functions.expressions import typed
from tests.unit.rules.market import engine, fired, rule_of
from tests.unit.rules.market import fold as fold_rows
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.outputs import Alert, Audit
from whispr_daemon.ports.function import Faults, RuleFunction
from whispr_daemon.rules.functions.folds import Input, Output, State, fold
from whispr_daemon.rules.functions.plugged import plug_in
from whispr_daemon.rules.functions.table import FUNCTIONS, fold_of
from whispr_daemon.rules.functions.warmth import warmth
from whispr_daemon.rules.nodes import Series


def spread(first: list[float], second: list[float], factor: float) -> float | None:
    """Newest of the one less ``factor`` oldest of the other; None where that is 7."""
    found = first[-1] - factor * second[0]
    return None if found == 7 else found


def on_top(values: list[float]) -> bool:
    """Did it end above its mean? A mean of 0 is an error of ours."""
    return values[-1] / (sum(values) / len(values)) > 1


SPREAD = RuleFunction(
    name="spread", series=("a", "b"), numbers=("factor",), warmup=2, pure=True, about="made up",
    compute=spread,
)  # fmt: skip
ON_TOP = RuleFunction(
    name="on_top", series=("x",), gives="bool", warmup=3, pure=True, about="made up", compute=on_top
)


@pytest.fixture(autouse=True)
def plugged() -> Iterator[None]:
    """Both in the table while a test runs."""
    before = dict(FUNCTIONS)
    plug_in(SPREAD)
    plug_in(ON_TOP)
    yield
    FUNCTIONS.clear()
    FUNCTIONS.update(before)


def test_it_is_given_the_last_values_oldest_first_then_the_numbers() -> None:
    bars = of_closes([1.0, 4.0, 9.0, 25.0])._replace(open=[10.0, 20.0, 30.0, 12.0])
    found = values(typed("spread(close, open, 1.5)"), bars)
    assert math.isnan(found[0])
    assert found[1:] == [4.0 - 15.0, 9.0 - 30.0, 25.0 - 45.0]


def test_a_bar_on_which_a_series_is_na_is_no_input() -> None:
    bars = of_closes([1.0, 4.0, 9.0, 25.0])._replace(open=[10.0, NAN, 30.0, 12.0])
    found = values(typed("spread(close, open, 1)"), bars)
    assert [repr(value) for value in found] == ["nan", "nan", repr(9.0 - 10.0), repr(25.0 - 30.0)]


def test_none_is_na() -> None:
    bars = of_closes([1.0, 9.0])._replace(open=[2.0, 3.0])
    assert math.isnan(values(typed("spread(close, open, 1)"), bars)[1])


def test_a_truth_is_a_condition_and_unknown_while_it_forms() -> None:
    assert values(typed("on_top(close)"), of_closes([1.0, 2.0, 3.0, 1.0])) == [0, 0, 1, -1]


def test_it_is_formed_after_its_warmup() -> None:
    assert warmth(typed("spread(close, open, 1)")) == (2, 0)
    assert warmth(typed("on_top(sma(close, 4))")) == (6, 0)


def test_what_it_raises_is_na_and_noted_and_goes_no_further() -> None:
    node = typed("on_top_value(close)")
    assert isinstance(node, Series)
    faults: Faults = []
    folded = fold_of("on_top_value")
    place = folded.place(node.numbers)
    closes = [1.0, 2.0, -3.0, 7.0]
    flat = [0] * 4
    given = Input(slot=flat, x=closes, open=flat, high=flat, low=flat, volume=flat, date=flat)
    out = Output([NAN] * 4, [0] * 4)
    fold(4, given, State([NAN] * place.width, [0]), place, out, folded.step_for((), faults))
    assert faults == [(2, "on_top: ZeroDivisionError('float division by zero')")]
    assert [repr(value) for value in out.value] == ["nan", "nan", "nan", "1.0"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "Spread"}, "lower-case"),
        ({"name": "ema"}, "built-in"),
        ({"name": "not"}, "word of the language"),
        ({"series": ()}, "needs a series"),
        ({"series": ("a", "A b")}, "named like functions"),
        ({"numbers": ("a",)}, "same name"),
        ({"warmup": 0}, "1 or more"),
        ({"pure": False}, "must be pure"),
        ({"compute": 3}, "not a function"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        plug_in(msgspec.structs.replace(SPREAD, **changes))


def test_an_answer_that_is_no_number_is_an_error_of_its() -> None:
    plug_in(msgspec.structs.replace(ON_TOP, compute=lambda _values: "up"))
    assert values(typed("on_top(close)"), of_closes([1.0, 2.0, 3.0])) == [0, 0, 0]


def test_in_a_rule_it_is_like_a_built_in_and_its_errors_are_audited() -> None:
    rule = rule_of("on_top(close) and spread(close, open, 1) > 0.5", "cross(price, 1000)")
    rows = close_rows([1.0, 2.0, -3.0, 7.0], ns("2026-06-24", "09:30"))
    whole = fold_rows(engine(rule), rows)
    assert fired(whole) == ["S0"]
    (error,) = (said for said in whole if isinstance(said, Audit) and said.name == "error")
    assert error.message == "on_top: ZeroDivisionError('float division by zero'), which is na"
    assert (error.instrument, error.ts_event) == ("SPY", int(rows["ts"][2]))
    strategy = engine(rule)
    cut = [said for row in range(4) for said in fold_rows(strategy, rows[row : row + 1])]
    assert cut == whole


def bad_closes(good: int, bad: int) -> list[float]:
    """Closes of which the last ``bad`` make ``on_top`` divide by 0."""
    return [*[1.0] * good, *([-2.0, 1.0, 1.0] * bad)[:bad]]


@pytest.mark.parametrize(
    "condition", ["on_top(close)", "ema(if(on_top(close), 1, 0), 3) > 0", "on_top(close@1m)"]
)
def test_ten_errors_in_a_row_disable_the_clause_that_reads_it(condition: str) -> None:
    rule = rule_of(condition, "price > 0")
    rows = close_rows([*bad_closes(8, 12), 1.0, 1.0, 5.0], ns("2026-06-24", "09:30"))
    said = fold_rows(engine(rule), rows)
    (alert,) = (one for one in said if isinstance(one, Alert))
    assert alert.message == (
        "r logic[0] is disabled after 10 evaluations in a row with an error, the last a failure "
        "of a plug-in's function, until it is changed"
    )
    assert alert.ts_event == int(rows["ts"][17])
    assert set(fired(said)) == {"S1"}  # the other clause goes on, it does not


def test_nine_in_a_row_do_not() -> None:
    rows = close_rows([*bad_closes(3, 9), 1.0, 5.0], ns("2026-06-24", "09:30"))
    said = fold_rows(engine(rule_of("on_top(close)")), rows)
    assert fired(said) == ["S0"]


@pytest.mark.parametrize("condition", ["on_top(close@5m)", "ref.on_top(close)", "price > 0"])
def test_errors_elsewhere_count_where_they_are_read(condition: str) -> None:
    rule = rule_of(condition, "price > 0", inputs="{refs: {ref: QQQ}, symbols: [SPY]}")
    mine = close_rows([*[1.0] * 40], ns("2026-06-24", "09:30"))
    other = close_rows([*bad_closes(3, 37)], ns("2026-06-24", "09:30"))
    other["instrument"] = 1
    rows = np.stack([other, mine], axis=1).reshape(-1)
    said = fold_rows(engine(rule), rows, ["SPY", "QQQ"])
    alerts = [one.message for one in said if isinstance(one, Alert)]
    assert len(alerts) == (condition == "ref.on_top(close)")
