"""A unit that stopped its process's loop too often is taken out of it at the next start."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import structlog

from whispr_daemon.domain.stall import Stall
from whispr_daemon.engine.watch import Patience
from whispr_daemon.ports.metrics import QUARANTINES, STALLS, Metrics
from whispr_daemon.ports.store import Store

_NANOS: Final = 1_000_000_000
_journal = structlog.get_logger("whispr.supervisor")


async def take_out(
    stalls: Sequence[Stall], store: Store, metrics: Metrics, now: int, patience: Patience
) -> tuple[Stall, ...]:
    """Quarantine the units of whose stalls there are too many; return the stalls that still count.

    Unlike other deaths these say whose they are, so they count wherever the unit stood. ``now`` is
    in ns UTC.

    Raises:
        Transient: the store is away.
    """
    recent: defaultdict[str, list[Stall]] = defaultdict(list)
    for stall in stalls:
        if now - stall.at <= patience.within_seconds * _NANOS:
            recent[stall.task].append(stall)
    marks = await store.marks()
    for unit, found in recent.items():
        metrics.gauge(STALLS, len(found), unit)
        if len(found) < patience.deaths or unit not in marks:
            continue
        last = found[-1]
        position = last.position or marks[unit].wm
        reason = (
            f"it stopped the event loop {len(found)} times, for {last.seconds:.0f} s each, so that "
            f"nothing else went on; last at position {position} ({last.where})"
        )
        _journal.error("quarantined", unit=unit, reason=reason, position=str(position))
        await store.quarantine(unit, marks[unit].epoch, position, reason)
        metrics.count(QUARANTINES, 1, unit)
        found.clear()
    return tuple(stall for found in recent.values() for stall in found)
