"""Rules with all kinds of state over random markets: cuts and restarts change nothing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.compile.clauses import (
    above,
    both,
    clause,
    count,
    emitted,
    expression,
    message,
    rule,
    since,
    step,
    variable,
)
from tests.unit.rules.market import engine, fold, minute_row
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.actions import Assign, Emit, Warn
from whispr_daemon.rules.nodes import Arithmetic, Const, Type
from whispr_daemon.rules.rule import Held, Limit, Rule, Sequence
from whispr_daemon.rules.strategy import RulesStrategy

SYMBOLS = ("SPY", "QQQ")
X = variable("x")
ONE = Const(type=Type.NUM, start=0, end=0, value=1.0)
MORE = Arithmetic(type=Type.NUM, start=0, end=0, op="+", left=X, right=ONE)
CHATTER = (Warn(severity="info", message=message("at {price}")),) * 4


def stateful() -> Rule:
    search = Sequence(
        steps=(
            step("low", "price == 9"),
            step("up", "cross_up(price, 10)"),
            step("quiet", "price == 13", absent=2 * MINUTE),
        ),
        within=6 * MINUTE,
        until=expression("price > 14"),
        overlap=True,
    )
    twice = (Limit(name="max_fires", count=2, per="session"),)
    return rule(
        clause(
            None,
            id="search",
            sequence=search,
            on_timeout=(Emit(name="LATE"),),
            cooldown=2 * MINUTE,
            span_sessions=True,
        ),
        clause(
            "1 / (price - 11) > -9",
            id="held",
            hold=MINUTE,
            rearm=expression("price < 9.5"),
            limits=twice,
            actions=CHATTER,
        ),
        clause(
            "cross(price, 10)",
            id="counting",
            actions=(Assign(name="x", value=MORE), Emit(name="S")),
        ),
        clause(
            both(emitted("S"), above(count("S", 5 * MINUTE), 1), above(X, 2)),
            id="asking",
            actions=(Emit(name="T"),),
        ),
        clause(above(since("LATE"), MINUTE), id="late", edge="every", mode="shadow"),
        variables=(Held(name="x", reset="session"),),
        when=expression("price < 13.5"),
    )


def both_rules() -> RulesStrategy:
    heard = rule(clause("price > 10", id="heard", hold=MINUTE), name="heard")  # says S, too
    return engine(stateful(), heard)


@st.composite
def markets(draw: st.DrawFn) -> Rows:
    """Minutes of two instruments over two days, some of them missing."""
    rows = []
    for day in ("2026-06-23", "2026-06-24"):
        for minute in range(draw(st.integers(2, 25))):
            for code in range(2):
                close = draw(st.sampled_from([None, 9.0, 9.0, 9.6, 11.0, 11.0, 12.0, 13.0, 15.0]))
                if close is not None:
                    row = minute_row(
                        day, f"{9 + (30 + minute) // 60:02}:{(30 + minute) % 60:02}", close
                    )
                    row["instrument"] = code
                    rows.append(row)
    return np.concatenate(rows) if rows else minute_row("2026-06-24", "09:30", 9.0)


@settings(max_examples=25)
@given(markets(), st.data())
def test_cuts_and_restarts_change_nothing(rows: Rows, data: st.DataObject) -> None:
    once = both_rules()
    whole = [repr(one) for one in fold(once, rows, SYMBOLS)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=8)))
    at_work = both_rules()
    pieces = []
    for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        pieces += [repr(one) for one in fold(at_work, rows[first:last], SYMBOLS)]
        body = at_work.snapshot()
        at_work = both_rules()
        at_work.restore(body)
        assert at_work.snapshot() == body
    assert pieces == whole
    assert at_work.snapshot() == once.snapshot()


@settings(max_examples=25)
@given(markets(), st.data())
def test_what_is_said_of_the_first_rows_does_not_depend_on_the_rest(
    rows: Rows, data: st.DataObject
) -> None:
    end = data.draw(st.integers(0, len(rows)))
    whole = [repr(one) for one in fold(both_rules(), rows, SYMBOLS)]
    first = [repr(one) for one in fold(both_rules(), rows[:end], SYMBOLS)]
    assert first == whole[: len(first)]
