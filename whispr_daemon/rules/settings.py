"""What the daemon says to all rules."""

from collections.abc import Mapping
from datetime import date
from typing import TypeAlias

import msgspec

from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.value import Value
from whispr_daemon.rules.column import Require

PinnedLevels: TypeAlias = Mapping[tuple[str, date | None], tuple[float, float]]
# (symbol, name) to (ns UTC, value), in order; symbol "": of all; name e.g. position.qty
Portfolio: TypeAlias = Mapping[tuple[str, str], tuple[tuple[int, float], ...]]


class RuleSettings(Value, frozen=True, kw_only=True):
    """Defaults of rules, and what tests pin."""

    watchlist: tuple[str, ...] = ()  # of rules that name no symbols; empty: every instrument
    calendar: str = "XNYS"  # of instruments without one of their own
    calendars: Mapping[str, str] = msgspec.field(default_factory=dict)  # by instrument
    # Named lists of symbols: what ``inputs.universe`` may name.
    universes: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    partition: int = 0  # of the log these rules are folded over; see `home`
    partitions: int = 1
    require: Require = "converged"  # of rules that do not say
    # (symbol, session date; None: every session) to (anchor, ATR): for tests
    pinned_levels: PinnedLevels = msgspec.field(default_factory=dict)
    # What positions and accounts are from when on; a str is the index of its value in ``words``.
    portfolio: Portfolio = msgspec.field(default_factory=dict)

    def home(self, symbol: str) -> bool:
        """Whether rules are evaluated for a symbol here; others are only here to be referred to."""
        return partition_of(symbol, self.partitions) == self.partition
