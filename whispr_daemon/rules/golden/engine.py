"""The engine under test: a case's rule at work, and what it says of some rows."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias

from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.golden.case import Case
from whispr_daemon.rules.logged import Logged
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy


class Engine(Protocol):
    """What the runner needs of a strategy."""

    def on_batch(self, batch: Batch) -> Iterable[Output]:
        """Answer rows."""
        ...

    def snapshot(self) -> bytes:
        """Return the whole state."""
        ...

    def restore(self, body: bytes) -> None:
        """Take a snapshot back."""
        ...


Make: TypeAlias = Callable[[Rule, RuleSettings], Engine]


def rules_engine(rule: Rule, settings: RuleSettings) -> Engine:
    """Return the rules engine at work on one rule."""
    return RulesStrategy([rule], settings)


def at_work(case: Case) -> Make:
    """Return what makes the rules engine for a case: where it has splits, one with a log."""
    if not (case.rows["kind"] == Kind.SPLIT).any():
        return rules_engine
    log = Batch(case.rows, case.symbols)
    return lambda rule, settings: Logged(RulesStrategy([rule], settings), log)


def said(case: Case, make: Make, rows: Rows) -> list[Output]:
    """Return what a new engine says of rows in one batch."""
    return list(make(case.rule, case.settings).on_batch(Batch(rows, case.symbols)))
