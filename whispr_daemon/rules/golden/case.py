"""A golden test as read: the rule, the market, what is given and what is expected."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from whispr_daemon.domain.batch import Rows
from whispr_daemon.rules.document.yaml_core import Mark
from whispr_daemon.rules.golden.times import RuleClock
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.rule import Evaluate, Rule
from whispr_daemon.rules.settings import RuleSettings

INTENTS: Final = ("order", "target", "flatten", "cancel", "halt")
NAMED: Final = ("emit", "alert", "log", *INTENTS)  # what comes out, of which one is listed
PARTICULARS: Final = (
    "message",
    "dir",
    "gap",
    "strength",
    "side",
    "price",
    "level",
    "symbol",
    "data",
    "clause",
    "id",
)
EXPECTED: Final = ("at", *NAMED, *PARTICULARS)


class Expected(NamedTuple):
    """One thing that is to come out."""

    ts: int  # of the evaluation, ns UTC
    said: Mapping[str, Any]  # as written, without ``at``
    mark: Mark


class WantedValue(NamedTuple):
    """What an expression is to be at an evaluation. A truth is 1, na 0 and false -1."""

    ts: int
    text: str
    nodes: Mapping[Evaluate, Node]  # what it is on bars, or on ticks
    value: float  # NaN: na
    tolerance: float
    symbol: str
    mark: Mark


class WantedSuppression(NamedTuple):
    """A fire that is to be held back."""

    ts: int
    said: Mapping[str, str]  # id, reason, symbol: those that are written
    mark: Mark


class Case(NamedTuple):
    """One golden test, ready to run."""

    name: str
    path: str
    mark: Mark
    rule: Rule
    settings: RuleSettings
    clock: RuleClock
    rows: Rows
    symbols: tuple[str, ...]
    expect: tuple[Expected, ...] | None  # None: it does not say
    values: tuple[WantedValue, ...]
    suppressed: tuple[WantedSuppression, ...]
