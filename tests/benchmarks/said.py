"""What was said, as numbers that can be compared: (minute * symbols + symbol) * 4 + kind."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

import numpy as np

from tests.benchmarks.bars import Bars, Ints
from tests.benchmarks.figures import DiffersError
from tests.benchmarks.peers.serving import KINDS

SETTLED: Final = 1_000  # minutes of a symbol until it does not matter how an average began


class Saying(Protocol):
    """An output, as a strategy returns it or as a store has it."""

    @property
    def ts_event(self) -> int: ...
    @property
    def instrument(self) -> str: ...
    @property
    def name(self) -> str: ...


def numbers(outputs: Iterable[Saying], bars: Bars) -> Ints:
    """Return signals as numbers, ascending; what is only for the audit is left out."""
    code = {name: at for at, name in enumerate(bars.symbols)}
    kind = {name: at for at, name in enumerate(KINDS)}
    told = [
        (each.ts_event, code[each.instrument], kind[each.name])
        for each in outputs
        if each.name in kind
    ]
    when, who, what = np.array(told, np.int64).reshape(-1, 3).T
    at = bars.ts.searchsorted(when)
    if (bars.ts[np.minimum(at, len(bars.ts) - 1)] != when).any():
        raise DiffersError("ours speaks at a time at which there is no bar")
    found: Ints = np.sort((at * len(bars.symbols) + who) * len(KINDS) + what)
    return found


def compare(
    ours: tuple[str, Ints],
    theirs: tuple[str, Ints],
    bars: Bars,
    minutes: int,
    kinds: Collection[str] = KINDS,
) -> int:
    """Check that two say the same, from the minute on at which averages are settled.

    Args:
        ours: a name, and what is said as numbers, ascending.
        theirs: likewise.
        bars: what it is said of.
        minutes: how many of each symbol both were given.
        kinds: what both look for.

    Returns:
        How many signals were compared.

    Raises:
        DiffersError: they do not; with the first bar at which only one speaks.
    """
    mine, other = (_common(found, bars, minutes, kinds) for _, found in (ours, theirs))
    only = np.setxor1d(mine, other)
    if len(only):
        place, kind = divmod(int(only[0]), len(KINDS))
        minute, symbol = divmod(place, len(bars.symbols))
        speaks, silent = (ours, theirs) if only[0] in mine else (theirs, ours)
        when = datetime.fromtimestamp(int(bars.ts[minute]) / 1e9, UTC)
        raise DiffersError(
            f"{speaks[0]} says {KINDS[kind]} of {bars.symbols[symbol]} at bar {minute + 1:,} "
            f"({when:%Y-%m-%dT%H:%MZ}), {silent[0]} does not; so it is with {len(only):,} "
            f"of {len(np.union1d(mine, other)):,} signals"
        )
    return len(mine)


def _common(found: Ints, bars: Bars, minutes: int, kinds: Collection[str]) -> Ints:
    minute = found // (len(bars.symbols) * len(KINDS))
    looked_for = np.isin(found % len(KINDS), [KINDS.index(kind) for kind in kinds])
    return found[(minute >= SETTLED) & (minute < minutes) & looked_for]
