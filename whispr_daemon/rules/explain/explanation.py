"""An explanation as plain data."""

from typing import Literal, TypeAlias

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.evaluated import Plain

Outcome: TypeAlias = Literal["fired", "suppressed", "no"]


class Told(Value, frozen=True, kw_only=True):
    """One sub-expression and its value."""

    text: str  # as people write it
    value: Plain  # None: na
    shown: str  # the value as people read it
    previous: str = ""  # at the evaluation before, where that decides too
    note: str = ""  # where the value comes from
    operands: tuple["Told", ...] = ()


class Explanation(Value, frozen=True, kw_only=True):
    """What came of one clause for one instrument at one evaluation."""

    rule: str
    version: str
    clause: str
    symbol: str
    ts: int  # ns UTC
    time: str  # exchange-local, ISO 8601 with offset
    kind: str  # event, condition, sequence
    outcome: Outcome
    reason: str = ""  # the verdict in a word: cooldown, warming, false …
    because: str = ""  # in a sentence
    tree: tuple[Told, ...] = ()
    facts: tuple[str, ...] = ()  # bars, warm-up, timers, the gate
    actions: tuple[str, ...] = ()
    source: Literal["log", "store", "test"] = "log"
