"""Units, ingest and relay put together over given ports."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from tests.simulation.faults import Faulty, Figures, finish, until
from tests.simulation.market import SYMBOLS
from tests.simulation.memory_store import MemoryStore
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.unit import UnitSpec
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.unit import Cadence, Ports, Unit
from whispr_daemon.ports.event_log import Entry, EventLog
from whispr_daemon.ports.store import Store

CADENCE: Final = Cadence(idle_commit=0.3, snapshot=0.5, snapshot_rows=50, read_rows=12)


class World:
    """What survives every crash: time, the log, the store."""

    def __init__(self, partitions: int = 1, seed: int = 0, faults: float = 0.0) -> None:
        """``faults`` is the chance of Transient at every call of log and store."""
        self.clock = ManualClock()
        self.log = MemoryEventLog(partitions, self.clock)
        self.store = MemoryStore()
        self.figures = Figures()
        self._random = Random(seed)
        self._faults = faults

    def ports(self, store: Store | None = None, log: EventLog | None = None) -> Ports:
        """Return ports whose calls take a while and fail by the seed."""
        faulty: list[Any] = [
            Faulty(port, self.clock, self._random, self._faults)
            for port in (log or self.log, store or self.store)
        ]
        return Ports(log=faulty[0], store=faulty[1], clock=self.clock, metrics=self.figures)

    def unit(
        self,
        strategy: Any,
        code: str = "1",
        start: Position = ORIGIN,
        ports: Ports | None = None,
        partition: int = 0,
    ) -> Unit:
        """Return a unit, to be run."""
        return Unit(
            UnitSpec(strategy=strategy.name, partition=partition, start=start),
            Fold(strategy, strategy.name, code, partition=partition),
            ports or self.ports(),
            owner="test",
            cadence=CADENCE,
        )

    async def fill(self, found: Sequence[Entry], partition: int = 0) -> None:
        """Append entries of the known symbols."""
        await self.store.register(SYMBOLS)
        await self.log.append([(partition, entry) for entry in found])

    async def run_to_end(self, unit: Unit, partition: int = 0) -> Unit:
        """Run a unit until all of its partition is durable, and stop it."""
        last = await self.log.last(partition)

        async def watched() -> None:
            await until(self.clock, lambda: unit.report().committed >= last or _ended(unit))
            unit.stop()

        watcher = asyncio.ensure_future(watched())
        try:
            await finish(self.clock, unit.run())
        finally:
            watcher.cancel()
        return unit

    async def outputs(self) -> list[Output]:
        """Return all that is committed, by unit and in order."""
        return [each.output for each in await self.store.outputs({}, 1_000_000)]


def _ended(unit: Unit) -> bool:
    return unit.report().state in ("quarantined", "stopped")
