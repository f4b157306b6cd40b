"""Runs units: each in its own task, none able to take another down."""

import asyncio
import os
from collections.abc import Sequence

import structlog

from whispr_daemon.domain.errors import Fatal, Fenced
from whispr_daemon.domain.unit import HostReport, HostSpec
from whispr_daemon.engine.unit import Unit
from whispr_daemon.ports.metrics import Metrics

_journal = structlog.get_logger("whispr.host")


class Host:
    """The units of one process (or of one task, on tier 0)."""

    def __init__(self, spec: HostSpec, units: Sequence[Unit], metrics: Metrics) -> None:
        """``units`` are those of ``spec``; ``metrics`` is the registry all of them write to."""
        self.spec = spec
        self._units = tuple(units)
        self._metrics = metrics
        self._fatal = ""

    async def run(self) -> None:
        """Run all units until they have stopped.

        A unit in quarantine has ended, the others go on. Where the log or the store broke a promise
        the host ends, too, and reports why: starting it again would not help.

        Raises:
            Fenced: another owner has claimed a unit; this process is a zombie.
        """
        tasks = [asyncio.create_task(unit.run(), name=unit.spec.unit_id) for unit in self._units]
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
        for unit in self._units:
            unit.stop()

    def report(self) -> HostReport:
        """Return how the host and its units stand."""
        return HostReport(
            host_id=self.spec.host_id,
            pid=os.getpid(),
            units=tuple(unit.report() for unit in self._units),
            metrics=self._metrics.samples(),
            fatal=self._fatal,
        )
