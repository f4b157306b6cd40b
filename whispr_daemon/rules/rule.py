"""A checked rule: what the compiler and the strategy read. Frozen."""

from typing import Literal, TypeAlias

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.actions import Action
from whispr_daemon.rules.column import Require
from whispr_daemon.rules.nodes import Node

SessionFilter: TypeAlias = Literal["rth", "eth", "24x7"]


class Inputs(Value, frozen=True, kw_only=True):
    """What a rule looks at."""

    timeframe: str = "1m"
    session: SessionFilter = "rth"
    calendar: str = ""  # empty: the instrument's
    symbols: tuple[str, ...] = ()  # empty: the watchlist; ("*",): every instrument
    require: Require | None = None  # None: the settings'
    bars: int = 0  # to see before the rule may fire


class Clause(Value, frozen=True, kw_only=True):
    """One entry of ``logic``."""

    id: str  # its own, or logic[0]
    digest: str  # of what it says and of the inputs: its state lives as long as this
    condition: Node
    actions: tuple[Action, ...]


class Rule(Value, frozen=True, kw_only=True):
    """A rule that may run."""

    name: str
    path: str
    hash: str  # sha256 of the normalised file without its tests, 64 hex digits
    enabled: bool = True
    priority: int = 0
    inputs: Inputs = Inputs()
    clauses: tuple[Clause, ...]
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    written_version: str = ""  # the file's own ``version``

    @property
    def version(self) -> str:
        """What its signals carry: ``sha256:`` and the first 12 digits of the hash."""
        return f"sha256:{self.hash[:12]}"
