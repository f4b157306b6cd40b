"""A traced row: the verdict on every clause, whatever it is."""

import pytest

from tests.unit.rules.bars import close_rows
from tests.unit.rules.compile.clauses import START, clause, rule, step
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.column import BARS, DATE, DAY, LAPSE, ORDER, SLOT, TS, Column
from whispr_daemon.rules.columns.values import Values
from whispr_daemon.rules.compile.record import Verdict
from whispr_daemon.rules.evaluated import Evaluated, View
from whispr_daemon.rules.rule import Clause, Sequence
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.turn import NOWHERE

MINUTE = 60_000_000_000


def view(closes: list[float]) -> View:
    rows = close_rows(list(closes), START)
    ts = rows["ts"].tolist()
    count = len(closes)
    values = Values()
    values[Column("close")] = closes
    values[Column("open")] = rows["open"].tolist()
    values[TS] = ts
    values[DATE] = values[DAY] = [1] * count
    values[BARS] = list(range(1, count + 1))
    values[LAPSE] = [0, *[MINUTE] * (count - 1)]
    values[BARS] = list(range(1, count + 1))
    values[Column("price")] = closes
    values[SLOT], values[ORDER] = [0] * count, list(range(count))
    return View(count, values, ["SPY"])


def folded(running: Running, seen: View, trace: int = NOWHERE) -> list[Evaluated]:
    rows = seen.rows
    return list(running.over(running.turns[0], seen, rows).fold(0, rows, trace))


def traced(one: Clause, closes: list[float]) -> Evaluated:
    made = rule(one)
    running = Running(made, RuleSettings(), Board([made]))
    seen = view(closes)
    found = folded(running, seen, trace=len(closes) - 1)
    return next(one for one in found if one.row == len(closes) - 1)


@pytest.mark.parametrize(
    ("one", "closes", "verdict"),
    [
        (clause("price > 10"), [9.0, 11.0], Verdict.FIRED),
        (clause("price > 10"), [9.0], Verdict.FALSE),
        (clause("na > 10"), [9.0], Verdict.NA),
        (clause("price > 10"), [11.0], Verdict.NO_EDGE),
        (clause("price > 10", hold=MINUTE), [9.0, 11.0], Verdict.PENDING),
        (
            clause("cross_up(price, 10)", cooldown=9 * MINUTE),
            [9.0, 11.0, 9.0, 11.0],
            Verdict.COOLDOWN,
        ),
    ],
)
def test_the_verdict_says_why_not(one: Clause, closes: list[float], verdict: Verdict) -> None:
    assert traced(one, closes).verdict is verdict


def test_the_values_are_those_of_the_row() -> None:
    found = traced(clause("price > 10 and price < 12"), [9.0])
    assert found.values["price > 10"] is False
    assert found.values["price < 12"] is True
    assert (found.ts, found.slot, found.clause) == (START + MINUTE, 0, 0)


def test_of_a_sequence_it_says_how_many_steps_are_done() -> None:
    steps = (step("a", "price == 1"), step("b", "price == 2"), step("c", "price == 3"))
    found = traced(clause(None, sequence=Sequence(steps=steps)), [1.0, 2.0, 0.0])
    assert (found.verdict, found.code) == (Verdict.FALSE, 2)


def test_tracing_changes_nothing() -> None:
    made = rule(clause("price > 10", hold=MINUTE))
    running, other = (Running(made, RuleSettings(), Board([made])) for _ in range(2))
    seen = view([9.0, 11.0, 11.0, 9.0, 11.0])
    plain = folded(running, seen)
    for row in range(5):
        other.forget()
        found = folded(other, seen, trace=row)
        assert [one for one in found if one.verdict is Verdict.FIRED] == plain
        assert other.turns[0].table.ints.tolist() == running.turns[0].table.ints.tolist()


def test_records_that_do_not_fit_at_once_come_all_the_same() -> None:
    made = rule(*(clause("price > 0", id=f"c{n}", edge="every") for n in range(7)))
    running = Running(made, RuleSettings(), Board([made]))
    found = folded(running, view([1.0] * 1000))
    assert [(one.row, one.clause) for one in found] == [
        (r, c) for r in range(1000) for c in range(7)
    ]
