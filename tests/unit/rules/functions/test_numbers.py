"""Functions of numbers on one bar: what they say, and where they are na."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rules.functions.bars import NAN, of_closes, values
from tests.unit.rules.functions.expressions import called, number, typed
from whispr_daemon.rules.nodes import Const, Type


def value(text: str) -> float:
    """Return what an expression of literals says; of a truth 1, 0 or -1."""
    (found,) = values(typed(text), of_closes([10.0]))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abs(-2.5)", 2.5),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2)", 3),
        ("clamp(5, 1, 3)", 3),
        ("clamp(0, 1, 3)", 1),
        ("clamp(2, 1, 3)", 2),
        ("round(609.2839, 0.01)", 609.28),
        ("round(609.285, 0.05)", 609.30),
        ("round(609.13, 0.25)", 609.25),
        ("round(609.5)", 610),
        ("round(-2.5)", -2),
        ("round(612, 5)", 610),
        ("round(0.30000000001, 0.1)", 0.3),
        ("floor(-1.5)", -2),
        ("ceil(-1.5)", -1),
        ("ceil(1.2)", 2),
        ("sqrt(9)", 3),
        ("log(1)", 0),
        ("exp(0)", 1),
        ("sign(-3)", -1),
        ("sign(0)", 0),
        ("mod(7, 3)", 1),
        ("mod(-7, 3)", -1),
        ("mod(7, -3)", 1),
        ("mod(7.5, 2)", 1.5),
        ("between(2, 1, 2)", 1),
        ("between(2.1, 1, 2)", -1),
        ("between(2, 3, 1)", -1),
        ("nz(na, 4)", 4),
        ("nz(3, 4)", 3),
        ("nz(na)", 0),
        ("na(na)", 1),
        ("na(3)", -1),
        ("na(na > 1)", 1),
        ("if(1 > 2, 3, 4)", 4),
        ("if(2 > 1, 3, 4)", 3),
        ("if(2 > 1, 3, 4 / 0)", 3),
        ("if(2 > 1, 3 > 4, 4 > 3)", -1),
    ],
)
def test_what_it_says(text: str, expected: float) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "abs(na)", "min(1, na)", "max(na, 1)", "clamp(na, 1, 2)", "clamp(1, na, 2)",
        "clamp(1, 2, na)", "clamp(1, 3, 2)", "round(na)", "round(1, 0)", "round(1, -1)",
        "round(1, na)", "floor(na)", "ceil(na)", "sqrt(-1)", "sqrt(na)", "log(0)", "log(-1)",
        "exp(710)", "exp(na)", "sign(na)", "mod(1, 0)", "mod(na, 2)", "mod(2, na)",
        "if(na > 1, 3, 4)", "if(1 > 0, na, 4)", "nz(na, na)",
    ],
)  # fmt: skip
def test_where_it_is_na(text: str) -> None:
    assert math.isnan(value(text))


def test_between_of_na_is_neither() -> None:
    assert [value(f"between({three})") for three in ("na, 1, 2", "1, na, 2", "1, 0, na")] == [0] * 3


minutes = st.integers(0, 1439)


@given(minutes, minutes, minutes)
def test_times_between_wrap_at_midnight(now: int, start: int, end: int) -> None:
    clocks = [
        Const(type=Type.TIME, start=0, end=0, value=float(clock)) for clock in (now, start, end)
    ]
    (found,) = values(called("between", *clocks), of_closes([10.0]))
    within = start <= now <= end if start <= end else now >= start or now <= end
    assert found == (1 if within else -1)


@given(st.integers(-(10**7), 10**7), st.sampled_from([0.01, 0.05, 0.25, 0.5, 1.0, 5.0]))
def test_a_multiple_of_a_tick_stays_what_it_is(ticks: int, tick: float) -> None:
    price = ticks / round(1 / tick) if tick < 1 else ticks * tick
    (found,) = values(called("round", number(price), number(tick)), of_closes([1.0]))
    assert found == price


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e3))
def test_the_remainder_is_that_of_c(a: float, b: float) -> None:
    (found,) = values(called("mod", number(a), number(b)), of_closes([1.0]))
    assert found == math.fmod(a, b)


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, NAN]), min_size=1, max_size=20))
def test_rising_and_change_look_back_as_they_say(closes: list[float]) -> None:
    bars = of_closes(closes)
    changes = values(typed("change(close, 2)"), bars)
    shares = values(typed("pct_change(close, 2)"), bars)
    for at in range(2, len(closes)):
        wanted = closes[at] - closes[at - 2]
        assert repr(changes[at]) == repr(wanted)
        assert repr(shares[at]) == repr(closes[at] / closes[at - 2] - 1)


def test_rising_is_n_strict_steps_and_unknown_before_n() -> None:
    bars = of_closes([1, 2, 3, 3, 4, 5, 6])
    assert values(typed("rising(close, 2)"), bars) == [0, 0, 1, -1, -1, 1, 1]
    assert values(typed("falling(close, 2)"), bars) == [0, 0, -1, -1, -1, -1, -1]
