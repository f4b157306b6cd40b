"""Of all operands and markets: a cross is a cross up or a cross down, whichever way it is read."""

from functools import cache
from random import Random

import pytest

from tests.unit.rules.market import engine, fold, rule_of
from tests.unit.rules.properties.random_expressions import Expressions, Figures, Words
from tests.unit.rules.properties.random_markets import SYMBOLS, random_market
from whispr_daemon.domain.outputs import Signal

CASES = 60


@cache
def crossings(number: int, up: str = "cross_up") -> list[set[tuple[int, str, str]]]:
    """Return when, where and which way each of four clauses fires."""
    write = Expressions(Random(number), Figures(number), Words())
    a = write.price(2)
    b = write.shape.choice((write.price, lambda _: write._level(0), lambda _: "price"))(2)
    clauses = (f"cross({a}, {b})", f"cross({b}, {a})", f"{up}({a}, {b})", f"cross_down({a}, {b})")
    rule = rule_of(*clauses, inputs="{symbols: ['*'], atr: {length: 2}}")
    fired: list[set[tuple[int, str, str]]] = [set(), set(), set(), set()]
    for said in fold(engine(rule), random_market(number).rows, SYMBOLS):
        if isinstance(said, Signal):
            fired[int(said.name[1:])].add((said.ts_event, said.instrument, said.direction))
    return fired


@pytest.mark.parametrize("number", range(CASES))
def test_a_cross_is_one_up_or_one_down(number: int) -> None:
    cross, mirrored, up, down = crossings(number)
    when = {moment[:2] for moment in cross}
    assert when == {moment[:2] for moment in mirrored}
    assert cross == up | down
    assert not {moment[:2] for moment in up} & {moment[:2] for moment in down}


def test_they_cross() -> None:
    assert sum(len(crossings(number)[0]) for number in range(CASES)) > 10 * CASES


def test_a_crossover_is_no_cross_up() -> None:
    """Pine's does not re-arm at a level's step, nor does it know a tolerance: it is caught."""
    every = (crossings(number, up="crossover") for number in range(CASES))
    assert any(cross != up | down for cross, _, up, down in every)
