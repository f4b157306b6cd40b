"""Rules of one shape, folded together."""

from weakref import ref

from tests.unit.rules.bars import close_rows, ns
from tests.unit.rules.market import fold, rule_of
from tests.unit.rules.properties.harness import interpreted
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.alike import LEAST
from whispr_daemon.rules.column import Column
from whispr_daemon.rules.jit import UNCOMPILED, Function, Recipe
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

START = ns("2026-06-24", "09:30")
CLOSE = Column("close")
SETTINGS = RuleSettings(require="formed")


class Interpreted:
    """A Compiler for many rows: what it gives takes arrays, and is run as it is written."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.given: set[str] = set()

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        self.asked.append(recipe.name)
        if rows < LEAST * LEAST:
            return None
        self.given.add(recipe.name)
        return interpreted(recipe)


def test_nothing_of_a_batch_is_held_when_the_next_has_come() -> None:
    compiler = Interpreted()
    rules = [rule_of(f"cross(price, {100 + number})", name=f"r{number}") for number in range(LEAST)]
    strategy = RulesStrategy(rules, SETTINGS, compiler)
    rows = close_rows([99.0, *(100.5 + number for number in range(2 * LEAST))], START)
    assert len(fold(strategy, rows)) == LEAST
    assert "many" in compiler.asked

    (desk,) = strategy._bank.desks.values()
    held = ref(desk.values.array(CLOSE))
    assert held() is not None
    fold(strategy, close_rows([98.0], START + 3600 * 10**9))
    assert held() is None


def test_a_bar_that_comes_alone_is_worth_the_kernel_of_many_rules_and_no_other() -> None:
    rules = [rule_of(f"cross(price, {100 + number})", name=f"r{number}") for number in range(LEAST)]
    compiler = Interpreted()
    quick, plain = (RulesStrategy(rules, SETTINGS, one) for one in (compiler, UNCOMPILED))
    bars = [close_rows([price], START + n * MINUTE) for n, price in enumerate((99.0, 104.5, 98.0))]
    said = [fold(quick, bar) for bar in bars]
    assert said == [fold(plain, bar) for bar in bars]
    assert [len(each) for each in said] == [0, 5, 5]
    assert compiler.given == {"many"}
    assert quick.snapshot() == plain.snapshot()


def test_a_rule_is_not_called_for_a_bar_alone_of_an_instrument_that_it_does_not_look_at() -> None:
    compiler = Interpreted()
    about = {"spy": "SPY", "msft": "MSFT", "all": "'*'"}
    rules = [
        rule_of("price > 100", inputs=f"{{symbols: [{symbols}]}}", name=name)
        for name, symbols in about.items()
    ]
    strategy = RulesStrategy(rules, SETTINGS, compiler)
    for n, price in enumerate((99.0, 101.0)):
        compiler.asked.clear()
        said = fold(strategy, close_rows([price], START + n * MINUTE))
        assert compiler.asked.count("fold") == 2
    assert sorted(each.origin for each in said) == ["all", "spy"]
