"""The function table: an entry is all a built-in function needs."""

import pytest

from tests.unit.rules.bars import close_rows, ns
from tests.unit.rules.market import engine, fired, fold, rule_of
from whispr_daemon.rules.functions.folds import Floats, Input, Place
from whispr_daemon.rules.functions.function import (
    LENGTH,
    Folded,
    Function,
    Happening,
    Lowering,
    Written,
    X,
)
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.functions.weights import forgets, itself
from whispr_daemon.rules.nodes import Call, Type
from whispr_daemon.rules.source import Event, Source
from whispr_daemon.rules.tree import REMEMBERING

START = ns("2026-06-24", "09:30")


def halved(source: Source, call: Call) -> str:
    return source.name(f"{source.number(call.arguments[0])} / 2.0")


def is_round(source: Source, call: Call) -> str:
    return source.name(f"1 if {source.number(call.arguments[0])} % 10.0 == 0.0 else -1")


def risen(source: Source, call: Call) -> Event:
    last, x = source.new_float(), source.number(call.arguments[0])
    truth = source.name(f"1 if {x} > {last} else -1")
    source.line(f"{last} = {x}")
    return Event(truth, "1", "0", "NAN")


def highest(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    length = place.length
    floats[f + n % length] = given.x[r]
    return max(floats[f : f + length]) if n + 1 >= length else float("nan")


@pytest.mark.parametrize(
    ("gives", "lowering", "condition", "closes", "expected"),
    [
        (Type.NUM, Written(halved), "entered(price) > 10", [19, 21], ["S0"]),
        (Type.BOOL, Written(is_round), "entered(price) and price > 0", [9, 10, 11], ["S0"]),
        (Type.EVENT, Happening(risen), "entered(price)", [9, 10, 11, 9], ["S0 up", "S0 up"]),
        (
            Type.NUM,
            Folded(highest, itself, itself, forgets),
            "entered(price, 2) < 10",
            [11, 9, 8],
            ["S0"],
        ),
    ],
    ids=["number", "condition", "event", "series"],
)
def test_an_entry_is_checked_compiled_and_run(
    monkeypatch: pytest.MonkeyPatch,
    gives: Type,
    lowering: Lowering,
    condition: str,
    closes: list[float | None],
    expected: list[str],
) -> None:
    takes = (X, LENGTH) if isinstance(lowering, Folded) else (X,)
    entry = Function("entered", takes, gives, lowering, "made up")
    monkeypatch.setitem(FUNCTIONS, "entered", entry)
    assert fired(fold(engine(rule_of(condition)), close_rows(closes, START))) == expected


def test_every_function_says_what_it_is() -> None:
    assert all(name == entry.name and entry.about for name, entry in FUNCTIONS.items())


def test_what_remembers_is_known_to_be_no_constant() -> None:
    written = {name: one.lowering for name, one in FUNCTIONS.items()}
    remembering = {
        name for name, how in written.items() if isinstance(how, Written) and how.remembers
    }
    assert remembering == REMEMBERING
