"""Runs units: each in its own task, none able to take another down."""

import asyncio
import os
from collections.abc import Callable
from typing import Final

import structlog

from whispr_daemon.domain.errors import Fatal, Fenced
from whispr_daemon.domain.unit import HostReport, HostSpec, Sample, UnitReport, UnitSpec
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.retry import first_of
from whispr_daemon.engine.unit import Unit
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.metrics import Metrics

_LOOK_EVERY: Final = 1.0  # seconds between two looks whether a unit was released
_REST: Final = 100  # times as long as figures took to gather, until they are gathered again
_journal = structlog.get_logger("whispr.host")


class Host:
    """The units of one process (or of one task, on tier 0)."""

    def __init__(
        self, spec: HostSpec, build: Callable[[UnitSpec], Unit], clock: Clock, metrics: Metrics
    ) -> None:
        """``build`` makes a unit anew: at once, and again when it is released from a quarantine.

        ``metrics`` is the registry all units write to.
        """
        self.spec = spec
        self._build = build
        self._units = [build(unit) for unit in spec.units]
        self._clock, self._metrics = clock, metrics
        self._stopping = asyncio.Event()
        self._gather_at = 0.0
        self._fatal = ""

    async def run(self) -> None:
        """Run all units until they have stopped.

        A unit in quarantine waits for its release, the others go on. Where the log or the store
        broke a promise the host ends, too, and reports why: starting it again would not help.

        Raises:
            Fenced: another owner has claimed a unit; this process is a zombie.
        """
        tasks = [
            asyncio.create_task(self._keep(place), name=unit.unit_id)
            for place, unit in enumerate(self.spec.units)
        ]
        crash_here("host_started")
        try:
            await asyncio.gather(*tasks)
        except Fenced:
            raise
        except Fatal as error:
            self._fatal = str(error)
            _journal.critical("host ended", host=self.spec.host_id, reason=self._fatal)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """Ask every unit for a clean stop."""
        crash_here("host_stopping")
        self._stopping.set()
        for unit in self._units:
            unit.stop()

    def report(self) -> HostReport:
        """Return how the host and its units stand."""
        return HostReport(
            host_id=self.spec.host_id,
            pid=os.getpid(),
            units=self.units(),
            metrics=self._figures(),
            fatal=self._fatal,
        )

    def units(self) -> tuple[UnitReport, ...]:
        """Return how the units stand."""
        return tuple(unit.report() for unit in self._units)

    def _figures(self) -> tuple[Sample, ...] | None:
        """Return what the registry says; those of 2,000 units would take half the time there is."""
        began = self._clock.monotonic()
        if began < self._gather_at:
            return None
        found = self._metrics.samples()
        ended = self._clock.monotonic()
        self._gather_at = ended + _REST * (ended - began)
        return found

    async def _keep(self, place: int) -> None:
        """Run a unit to its end; one that is released from a quarantine, built anew, once more."""
        while True:
            unit = self._units[place]
            if not await unit.held():
                await unit.run()
            if unit.report().state != "quarantined":
                return
            while await unit.held():
                await first_of(self._clock.sleep(_LOOK_EVERY), self._stopping.wait())
                if self._stopping.is_set():
                    return
            _journal.info("released from quarantine", unit=unit.spec.unit_id)
            self._units[place] = self._build(unit.spec)
