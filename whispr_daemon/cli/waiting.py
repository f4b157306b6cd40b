"""Why nothing was said, and who was stopped: what is said at the end of a replay."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from whispr_daemon.cli.terminal import plural
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.unit import HostStatus

_SHOWN: Final = 5  # lines
_PLACE: Final = re.compile(r"^at position \S+(, \S+)?: ")


def waited_for(hosts: Sequence[HostStatus], ends: Sequence[Position]) -> list[str]:
    """Return what units still waited for when they had read all: a line a rule and symbol.

    ``ends[partition]`` is the end of the log. What a unit said before it got there does not count,
    nor what it says of a symbol whose rows never come to its partition.
    """
    lines = set()
    for unit in (unit for host in hosts if host.report for unit in host.report.units):
        if unit.position < ends[unit.partition]:
            continue
        for what, how in unit.warmup.items():
            _, space, symbol = what.rpartition(" ")
            if not space or partition_of(symbol, len(ends)) == unit.partition:
                lines.add(f"{what}: {how}")
    return sorted(lines)


def shortened(lines: Sequence[str]) -> list[str]:
    """Return the first few lines, and how many there are more."""
    rest = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"… and {rest} more"] if rest > 0 else [])]


def stopped(quarantined: Iterable[tuple[str, str]]) -> list[str]:
    """Return a sentence for each strategy and reason, of pairs of unit and reason."""
    places: dict[tuple[str, str], str] = {}
    units: Counter[tuple[str, str]] = Counter()
    for unit, reason in quarantined:
        strategy = unit.rpartition("/")[0]
        place = _PLACE.match(reason)
        key = (strategy, reason[place.end() :] if place else reason)
        units[key] += 1
        places.setdefault(key, place.group().removesuffix(": ") if place else "")
    return [
        f"{strategy} is quarantined on {plural(count, 'partition')}: {reason}"
        + (f" ({places[strategy, reason]})" if places[strategy, reason] else "")
        for (strategy, reason), count in units.items()
    ]
