"""Finds out what a host keeps dying of, and takes that out of it: its neighbours go on."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from whispr_daemon.domain.errors import Fenced, Transient
from whispr_daemon.domain.outputs import Alert
from whispr_daemon.domain.position import Position
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.notices import down_alert
from whispr_daemon.engine.watch import Watch
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.metrics import QUARANTINES, Metrics
from whispr_daemon.ports.runtime import Runtime
from whispr_daemon.ports.store import Store

_KNOWN_WITHIN: Final = 2.0  # seconds


class Inquest:
    """Held after each death of a host."""

    def __init__(
        self,
        runtime: Runtime,
        event_log: EventLog,
        store: Store,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """``runtime`` runs the hosts; log and store know how far units are."""
        self._runtime = runtime
        self._event_log, self._store = event_log, store
        self._clock, self._metrics = clock, metrics
        self._journal = structlog.get_logger("whispr.supervisor")

    async def hold(self, watch: Watch) -> Alert | None:
        """Quarantine the units that the host died of too often.

        Where a unit did not give it its loop back, that is the one; else all that stood still.

        Where such a unit was never at work, nothing of it can be kept: then the host is left down,
        and what is to be told of that is returned.
        """
        culprit, watch.held_by = watch.held_by, ""  # of this death, and of no later one
        try:
            async with asyncio.timeout(_KNOWN_WITHIN):
                stands = await self._stands(watch)
            causes = watch.deaths.add(self._clock.monotonic(), stands, culprit)
            return await self._take_out(watch, causes) if causes else None
        except (Transient, TimeoutError, Fenced) as error:
            self._journal.warning(
                "cannot tell what a host died of", host=watch.spec.host_id, error=str(error)
            )
            return None

    async def _stands(self, watch: Watch) -> dict[str, Position | None]:
        """Return the units that have more to read, with how far they are durable."""
        marks = await self._store.marks()
        held = {each.unit_id for each in await self._store.quarantined()}
        stands: dict[str, Position | None] = {}
        for unit in watch.spec.units:
            mark = marks.get(unit.unit_id)
            place = unit.start if mark is None else mark.wm
            if unit.unit_id not in held and place < await self._event_log.last(unit.partition):
                stands[unit.unit_id] = None if mark is None else place
        return stands

    async def _take_out(self, watch: Watch, causes: Mapping[str, int]) -> Alert | None:
        host_id = watch.spec.host_id
        await self._runtime.stop([host_id])  # from here on nobody claims its units
        watch.end(self._clock.monotonic())
        crash_here("host_taken_out")
        marks = await self._store.marks()
        for unit, many in sorted(causes.items()):
            mark = marks.get(unit)
            if mark is None:
                watch.given_up = f"it died {many} times before unit {unit} was at work"
                self._journal.error("host is left down", host=host_id, reason=watch.given_up)
                return down_alert(host_id, watch.given_up, self._clock.now())
            reason = (
                f"its host {host_id} died {many} times while it stood at position {mark.wm}; the "
                "host's log says of what"
            )
            self._journal.error("quarantined", unit=unit, reason=reason, position=str(mark.wm))
            await self._store.quarantine(unit, mark.epoch, mark.wm, reason)
            self._metrics.count(QUARANTINES, 1, unit)
        return None
