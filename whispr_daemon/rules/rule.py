"""A checked rule: what the compiler and the strategy read. Frozen. Durations are ns."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.actions import Action, reads
from whispr_daemon.rules.column import Require
from whispr_daemon.rules.nodes import Node

SessionFilter: TypeAlias = Literal["rth", "eth", "24x7"]
Evaluate: TypeAlias = Literal["bar_close", "tick"]
LiveMode: TypeAlias = Literal["live", "shadow", "off"]
TickPrice: TypeAlias = Literal["last", "mid", "bid", "ask", "mark"]
Per: TypeAlias = Literal["bar", "session", "day", "ever"]


class Inputs(Value, frozen=True, kw_only=True):
    """What a rule looks at."""

    timeframe: str = "1m"
    session: SessionFilter = "rth"
    calendar: str = ""  # empty: the instrument's
    symbols: tuple[str, ...] = ()  # empty: the watchlist; ("*",): every instrument
    refs: Mapping[str, str] = msgspec.field(default_factory=dict)  # alias to symbol
    evaluate: Evaluate = "bar_close"
    price: TickPrice = "last"
    missing: Literal["skip", "carry"] = "skip"
    stale_after: int = 0  # 0: 3 timeframes
    require: Require | None = None  # None: the settings'
    bars: int = 0  # to see before the rule may fire


class Step(Value, frozen=True, kw_only=True):
    """One step of a sequence."""

    name: str
    condition: Node
    absent: int = 0  # how long it must stay not true to satisfy; 0: it must become true


class Sequence(Value, frozen=True, kw_only=True):
    """Steps one after the other, instead of a condition. A match is an event."""

    steps: tuple[Step, ...]
    within: int = 0  # from the first step; 0: no limit
    until: Node | None = None  # true: drops the partial match, before the steps are looked at
    same_bar: bool = False  # several steps may be satisfied by one evaluation
    overlap: bool = False  # all partial matches, not only one


class Limit(Value, frozen=True, kw_only=True):
    """At most ``count`` fires per scope: ``once`` and ``max_fires``."""

    name: Literal["once", "max_fires"]
    count: int
    per: Per


class Clause(Value, frozen=True, kw_only=True):
    """One entry of ``logic``. Filters apply in the order in which they stand here."""

    id: str  # its own, or logic[0]
    digest: str  # of what it says and of what it means: its state lives as long as this
    evaluate: Evaluate = "bar_close"
    mode: LiveMode = "live"
    condition: Node | None  # None: a sequence
    sequence: Sequence | None = None
    gap: Literal["include", "exclude", "only"] = "include"
    hold: int = 0  # ``for``
    edge: Literal["auto", "rising", "every"] = "auto"
    fire_on_start: bool = False
    rearm: Node | None = None
    limits: tuple[Limit, ...] = ()
    cooldown: int = 0
    span_sessions: bool = False  # keeps for, cooldown, sequences and once overnight
    actions: tuple[Action, ...]
    on_timeout: tuple[Action, ...] = ()  # of a sequence

    @property
    def conditions(self) -> tuple[Node, ...]:
        """What it asks: its condition or the steps and ``until`` of its sequence, and ``rearm``."""
        found = [self.condition, self.rearm]
        if self.sequence is not None:
            found = [*(step.condition for step in self.sequence.steps), self.sequence.until, *found]
        return tuple(node for node in found if node is not None)

    @property
    def trees(self) -> tuple[Node, ...]:
        """All its expressions, those of its actions included."""
        actions = (*self.actions, *self.on_timeout)
        return (*self.conditions, *(node for action in actions for node in reads(action)))


class Held(Value, frozen=True, kw_only=True):
    """An entry of ``vars``: a number the rule keeps per symbol."""

    name: str
    init: float = 0.0
    reset: Literal["session", "day", "never"] = "never"


class Rule(Value, frozen=True, kw_only=True):
    """A rule that may run."""

    name: str
    path: str
    hash: str  # sha256 of the normalised file without its tests, 64 hex digits
    enabled: bool = True
    mode: LiveMode = "live"
    priority: int = 0
    inputs: Inputs = Inputs()
    when: Node | None = None  # the gate of all clauses
    variables: tuple[Held, ...] = ()
    clauses: tuple[Clause, ...]
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    written_version: str = ""  # the file's own ``version``

    @property
    def version(self) -> str:
        """What its signals carry: ``sha256:`` and the first 12 digits of the hash."""
        return f"sha256:{self.hash[:12]}"
