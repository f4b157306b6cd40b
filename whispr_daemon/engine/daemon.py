"""The whole path in order: hosts up, relays on, source in; and the way back down."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

import structlog

from whispr_daemon.domain.errors import Fatal
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.domain.unit import HostStatus, Sample, UnitSpec
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.retry import first_of, persist
from whispr_daemon.engine.unit import Ports

_PUSH_EVERY: Final = 1.0  # seconds between two deliveries of our figures to the supervisor
_LOOK_EVERY: Final = 0.05  # seconds between two looks at how the units stand
_START_WITHIN: Final = 60.0  # seconds that units are waited for before the source is taken in
_DELIVER_WITHIN: Final = 5.0  # seconds that outlets have at a stop for what was committed


class Overseer(Protocol):
    """The supervisor and its hosts: in this process, or in actors of their own."""

    async def start(self) -> None:
        """Return when the supervisor is at work."""
        ...

    async def watch(self) -> None:
        """Return when the supervisor has ended; raise what ended it."""
        ...

    async def push(
        self, process: str, samples: tuple[Sample, ...], troubles: tuple[Trouble, ...]
    ) -> None:
        """Hand over this process's figures and what fails in it; newer ones follow."""
        ...

    async def status(self) -> Sequence[HostStatus]:
        """Return how the hosts stand."""
        ...

    async def stop(self) -> None:
        """Let hosts finish, then end."""
        ...


class Daemon:
    """Starts and stops the stages in order. A stage that fails takes the daemon down, loudly."""

    def __init__(
        self,
        overseer: Overseer,
        ingest: Ingest,
        relays: Sequence[Relay],
        units: Sequence[UnitSpec],
        ports: Ports,
        keepers: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = MappingProxyType({}),
    ) -> None:
        """``units`` are all that should run; ``ports`` are those of this process.

        ``keepers`` run, by name, for as long as the daemon does: one that ends takes it down.
        """
        self.ingest = ingest
        self.overseer = overseer
        self._relays = tuple(relays)
        self._units = tuple(units)
        self._ports = ports
        self._keepers = dict(keepers)
        self._stopping = asyncio.Event()
        self._journal = structlog.get_logger("whispr.daemon")

    def stop(self) -> None:
        """Ask for a clean stop."""
        self._stopping.set()

    async def run(self, *, to_end: bool, started: Callable[[], None] = lambda: None) -> None:
        """Run until stopped, or, with ``to_end``, until all of the source is folded.

        ``started`` is called once the supervisor is at work.

        Raises:
            Fatal: a stage could not go on.
        """
        await self.overseer.start()
        started()
        stages = {
            "supervisor": self.overseer.watch(),
            "ingest": self._take_in(to_end=to_end),
            "figures": self._push_figures(),
            **{f"relay {relay.route}": relay.run() for relay in self._relays},
            **{name: keep() for name, keep in self._keepers.items()},
        }
        tasks = {name: asyncio.create_task(work, name=name) for name, work in stages.items()}
        wish = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            await self._until_over(tasks, wish)
            await self._wind_down(tasks, all_delivered=to_end)
        finally:
            for task in (*tasks.values(), wish):
                task.cancel()
            await asyncio.gather(*tasks.values(), wish, return_exceptions=True)

    async def _until_over(
        self, tasks: dict[str, asyncio.Task[None]], wish: asyncio.Task[bool]
    ) -> None:
        """Return when a stop is wished; raise what ended a stage before that."""
        running = set(tasks.values())
        while not self._stopping.is_set():
            done, _ = await asyncio.wait({*running, wish}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {wish}:
                running.discard(task)
                await task
                if task is not tasks["ingest"] and not self._stopping.is_set():
                    raise Fatal(f"{task.get_name()} ended by itself")

    async def _wind_down(
        self, tasks: dict[str, asyncio.Task[None]], *, all_delivered: bool
    ) -> None:
        """Source first, then hosts, then what they still said: each has all of its input.

        What outlets do not take in time is delivered after the next start, unless this is the end
        of it: then, with ``all_delivered``, they have all the time they need.
        """
        self.ingest.stop()
        await tasks["ingest"]
        tasks["figures"].cancel()
        await self.overseer.stop()
        await tasks["supervisor"]
        relays = {relay.route: tasks[f"relay {relay.route}"] for relay in self._relays}
        for relay in self._relays:
            relay.drain()
        ends = asyncio.gather(*relays.values(), return_exceptions=True)
        if all_delivered:
            await ends
        else:
            await first_of(ends, self._ports.clock.sleep(_DELIVER_WITHIN))
        for route, task in relays.items():
            if not task.cancelled():
                await task  # raises what ended it
                continue
            self._journal.error(
                "outlet did not take all in time, the rest follows after the next start",
                route=route,
                seconds=_DELIVER_WITHIN,
            )
        self._journal.info("stopped")

    async def _take_in(self, *, to_end: bool) -> None:
        await self._hosts_up()
        await self.ingest.run(stay=not to_end)
        if to_end and not self._stopping.is_set():
            await self._caught_up()
            self.stop()

    async def _hosts_up(self) -> None:
        """Wait until all units are live: what is taken in finds somebody who listens.

        Nothing depends on it, the log keeps everything; so after a while it goes on without them.
        """
        clock = self._ports.clock
        deadline = clock.monotonic() + _START_WITHIN
        while not self._stopping.is_set():
            status = await self.overseer.status()
            units = [unit for each in status if each.report for unit in each.report.units]
            up = {unit.unit_id for unit in units if unit.state in ("live", "quarantined")}
            missing = [unit.unit_id for unit in self._units if unit.unit_id not in up]
            if not missing:
                return
            if clock.monotonic() > deadline:
                self._journal.warning("going on without units that are not up", units=missing)
                return
            await clock.sleep(_LOOK_EVERY)

    async def _caught_up(self) -> None:
        """Wait until what every unit said of the whole log is durable."""
        log, store, clock = self._ports.log, self._ports.store, self._ports.clock
        ends = {
            partition: await persist(clock, "last", lambda p=partition: log.last(p))  # type: ignore[misc]
            for partition in range(log.partitions)
        }
        while not self._stopping.is_set():
            marks = await persist(clock, "marks", store.marks)
            ended = await self._quarantined()
            behind = [
                unit
                for unit in self._units
                if unit.unit_id not in ended
                and (unit.unit_id not in marks or marks[unit.unit_id].wm < ends[unit.partition])
            ]
            if not behind:
                return
            await clock.sleep(_LOOK_EVERY)

    async def _quarantined(self) -> set[str]:
        """Return the units in quarantine: they do not go on before somebody releases them."""
        reports = [status.report for status in await self.overseer.status() if status.report]
        units = [unit for report in reports for unit in report.units]
        return {unit.unit_id for unit in units if unit.state == "quarantined"}

    async def _push_figures(self) -> None:
        while True:
            troubles = self._ports.troubles()
            await self.overseer.push("daemon", self._ports.metrics.samples(), troubles)
            await self._ports.clock.sleep(_PUSH_EVERY)
