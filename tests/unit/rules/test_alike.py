"""Rules of one shape, folded together."""

from typing import Any
from weakref import ref

from tests.unit.rules.bars import close_rows, ns
from tests.unit.rules.market import fold, rule_of
from whispr_daemon.rules.alike import LEAST
from whispr_daemon.rules.column import Column
from whispr_daemon.rules.jit import Function, Recipe
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

START = ns("2026-06-24", "09:30")
CLOSE = Column("close")


class Interpreted:
    """A Compiler for many rows: what it gives takes arrays, and is run as it is written."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        self.asked.add(recipe.name)
        return None if rows < LEAST * LEAST else function(recipe)


def function(recipe: Recipe) -> Function:
    found: dict[str, Any] = {
        name: function(value) if isinstance(value, Recipe) else value
        for name, value in recipe.names
    }
    exec(recipe.text, found)
    made: Function = found[recipe.name]
    return made


def test_nothing_of_a_batch_is_held_when_the_next_has_come() -> None:
    compiler = Interpreted()
    rules = [rule_of(f"cross(price, {100 + number})", name=f"r{number}") for number in range(LEAST)]
    strategy = RulesStrategy(rules, RuleSettings(require="formed"), compiler)
    rows = close_rows([99.0, *(100.5 + number for number in range(2 * LEAST))], START)
    assert len(fold(strategy, rows)) == LEAST
    assert "many" in compiler.asked

    (desk,) = strategy._bank.desks.values()
    held = ref(desk.values.array(CLOSE))
    assert held() is not None
    fold(strategy, close_rows([98.0], START + 3600 * 10**9))
    assert held() is None
