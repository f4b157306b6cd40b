"""Small markets and rules for tests of the engine."""

from collections.abc import Sequence
from datetime import date

from tests.unit.rules.bars import bar_rows, ns
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.outputs import Output, Signal
from whispr_daemon.domain.timeframe import DAY, MINUTE
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.sessions import Session
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy


def rule_of(*clauses: str, inputs: str = "{}", name: str = "r", top: str = "") -> Rule:
    """Return a rule whose clauses emit S0, S1, S2 …"""
    logic = "".join(
        f"  - if: {clause!r}\n    then: ['emit:S{place}']\n" for place, clause in enumerate(clauses)
    )
    loaded = load([RuleFile("t.yaml", f"name: {name}\n{top}inputs: {inputs}\nlogic:\n{logic}")])
    assert [str(found) for found in loaded.errors] == []
    return loaded.rules[0]


def engine(*rules: Rule, **settings: object) -> RulesStrategy:
    """Return the rules at work; they need formed values only, unless told."""
    given = {"require": "formed", **settings}
    return RulesStrategy(rules, RuleSettings(**given))  # type: ignore[arg-type]


def fold(strategy: RulesStrategy, rows: Rows, symbols: Sequence[str] = ("SPY",)) -> list[Output]:
    """Return all outputs of one batch."""
    return list(strategy.on_batch(Batch(rows, symbols)))


def fired(outputs: Sequence[Output]) -> list[str]:
    """Return the signals as ``S0 up``."""
    return [f"{said.name} {said.direction}".strip() for said in outputs if isinstance(said, Signal)]


def session(day: str) -> Session:
    """Return the New York session of a date."""
    when = date.fromisoformat(day)
    return next(calendar("XNYS").sessions_between(when, when))


def daily_row(day: str, high: float, low: float, close: float) -> Rows:
    """Return the daily bar of a date, ending at the midnight after it."""
    return bar_rows([(ns(day, "00:00") + DAY, close, high, low, close)], "1d")


def minute_row(day: str, clock: str, close: float, first: float | None = None) -> Rows:
    """Return a flat 1-minute bar that begins at a New York time."""
    opening = close if first is None else first
    high, low = max(opening, close), min(opening, close)
    return bar_rows([(ns(day, clock) + MINUTE, opening, high, low, close)])
