"""Keeps the desired hosts running: asks each for progress, starts and kills without asking it."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.outputs import Alert
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.domain.unit import HostSpec, HostStatus, Sample, UnitReport
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.inquest import Inquest
from whispr_daemon.engine.notices import Notices, quarantine_alert
from whispr_daemon.engine.retry import first_of
from whispr_daemon.engine.surroundings import Surroundings
from whispr_daemon.engine.watch import Patience, Watch
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.metrics import HOST_UP, RESTARTS, Metrics
from whispr_daemon.ports.runtime import Runtime
from whispr_daemon.ports.store import Store

_ROUND: Final = 0.5  # seconds between two rounds of questions
_FIRST_ROUNDS: Final = 0.1  # likewise, while hosts that were never up are on their way
_ANSWER_WITHIN: Final = 2.0  # seconds
_FIRST_ANSWER: Final = 60.0  # seconds a new host has to be built and answer
_CAUGHT_UP: Final = 10_000  # rows a live unit may lag and still count as caught up


class Supervisor:
    """Reconciles what runs with what should run. Its own death leaves the data path untouched."""

    def __init__(
        self,
        specs: Sequence[HostSpec],
        runtime: Runtime,
        probed: tuple[EventLog, Store],
        clock: Clock,
        metrics: Metrics,
        patience: Patience,
    ) -> None:
        """A host whose loop stands still is killed and started; a unit it dies of is quarantined.

        ``probed`` are asked in each round, for the sake of whoever asks whether all is ready.
        """
        self._runtime = runtime
        self._event_log, self._store = probed
        self._clock, self._metrics = clock, metrics
        self._notices = Notices(self._store, f"supervisor:{os.getpid()}")
        self._inquest = Inquest(runtime, *probed, clock, metrics)
        self._alerts: list[Alert] = []  # of hosts that are left down
        self._patience = patience
        now = clock.monotonic()
        self._watches = {spec.host_id: Watch(spec, now, patience) for spec in specs}
        self._pushed: dict[str, tuple[Sample, ...]] = {}
        self._around = Surroundings(clock, metrics)
        self._compared = False  # the wall clock with the log
        self._stopping = asyncio.Event()
        self.fatal = ""  # why a host has ended for good, and the daemon must
        self._journal = structlog.get_logger("whispr.supervisor")

    async def run(self) -> None:
        """Supervise until stopped, or until :attr:`fatal` is set; then let the hosts finish.

        Raises:
            Fenced: a newer supervisor is at work; the hosts are its own.
        """
        while not self._stopping.is_set() and not self.fatal:
            await asyncio.gather(*(self._attend(watch) for watch in self._watches.values()))
            await self._probe()
            self._around.wall_clock.look()
            crash_here("round_over")
            await self._pause()
        crash_here("before_hosts_stop")
        await self._runtime.stop(list(self._watches))
        crash_here("after_hosts_stop")

    def stop(self) -> None:
        """Ask for a clean stop of the supervisor and its hosts."""
        self._stopping.set()

    def status(self) -> tuple[HostStatus, ...]:
        """Return how every host stands."""
        return tuple(
            HostStatus(host_id=host_id, up=watch.up, restarts=watch.restarts, report=watch.report)
            for host_id, watch in self._watches.items()
        )

    def unready(self) -> tuple[str, ...]:
        """Return why the daemon is not ready, one reason an item; empty if it is."""
        reports = [watch.report for watch in self._watches.values() if watch.report]
        reasons = self._around.unready((each.host_id, each.troubles) for each in reports)
        for host_id, watch in self._watches.items():
            if watch.given_up:
                reasons.append(f"host {host_id} is left down: {watch.given_up}")
            elif not watch.up or watch.report is None:
                reasons.append(f"host {host_id} does not answer")
            else:
                reasons += [text for unit in watch.report.units if (text := _unready(unit))]
        return tuple(reasons)

    def warnings(self) -> tuple[str, ...]:
        """Return what should be looked at and keeps the daemon from nothing."""
        return self._around.wall_clock.warnings()

    async def release(self, unit_id: str) -> bool:
        """End a unit's quarantine, so that its host takes it up again; False if it was in none."""
        released = await self._store.release(unit_id)
        self._journal.warning("release asked for", unit=unit_id, released=released)
        return released

    def push(
        self, process: str, samples: tuple[Sample, ...], troubles: tuple[Trouble, ...] = ()
    ) -> None:
        """Take the figures of a process that is not a host (ingest and relays live there).

        ``troubles`` are what of its log and store fails.
        """
        self._pushed[process] = samples
        self._around.learn(process, troubles)

    def samples(self) -> Mapping[str, tuple[Sample, ...]]:
        """Return every process's figures, by its name."""
        hosts = {
            host_id: watch.report.metrics or ()
            for host_id, watch in self._watches.items()
            if watch.report is not None
        }
        return {"supervisor": self._metrics.samples(), **self._pushed, **hosts}

    async def _attend(self, watch: Watch) -> None:
        if watch.given_up:
            return
        host_id = watch.spec.host_id
        report = await self._runtime.report(host_id, _ANSWER_WITHIN)
        now = self._clock.monotonic()
        if report is not None and report.fatal:
            self.fatal = report.fatal
            return
        if report is None:
            watch.miss()
        elif watch.learn(report, now):
            watch.restarts += 1
            self._metrics.count(RESTARTS, 1, host_id)
            self._journal.warning("host is back", host=host_id, restarts=watch.restarts)
            await self._look_into(watch, back=True)
        if watch.given_up:
            report = None
        elif now - watch.moved_at >= self._time_for(watch):
            unit = await self._runtime.held_by(host_id)
            self._journal.error("host makes no progress, killing it", host=host_id, held_by=unit)
            await self._runtime.kill(host_id)
            watch.begin_anew(now, unit)
        elif report is None:
            await self._start(watch, now)  # leaves one alone that is alive but busy
        self._metrics.gauge(HOST_UP, float(report is not None), host_id)

    def _time_for(self, watch: Watch) -> float:
        """Return how long a host may stand still. One that is being built needs its time."""
        stall = self._patience.stall_seconds
        return stall if watch.answered else max(stall, _FIRST_ANSWER)

    async def _look_into(self, watch: Watch, *, back: bool) -> None:
        """Look into a death once, when its next run begins or, where Ray begins that, answers."""
        if watch.mourn(back=back):
            alert = await self._inquest.hold(watch)
            self._alerts += [] if alert is None else [alert]

    async def _start(self, watch: Watch, now: float) -> None:
        if now < watch.next_start:
            return
        watch.try_start(now)
        crash_here("before_host_start")
        try:
            started = await self._runtime.start(watch.spec)
            crash_here("after_host_start")
            if started and watch.begin(now):
                await self._look_into(watch, back=False)
        except Transient as error:
            self._journal.warning("host did not start", host=watch.spec.host_id, error=str(error))

    async def _probe(self) -> None:
        await self._around.ask("store", self._tell())
        await self._around.ask("log", self._look_at_log())

    async def _look_at_log(self) -> None:
        if self._compared:
            await self._event_log.last(0)
        elif (tail := await self._event_log.tail(0)) is not None:
            self._around.wall_clock.compare(tail.ts_ingest)
        self._compared = True

    async def _tell(self) -> None:
        """Tell of every quarantine there is, whoever recorded it; what was told is told no more."""
        await self._notices.check(await self._store.marks())
        held = await self._store.quarantined()
        await self._notices.tell([*map(quarantine_alert, held), *self._alerts])

    async def _pause(self) -> None:
        settled = all(watch.settled for watch in self._watches.values())
        pause = _ROUND if settled else _FIRST_ROUNDS
        await first_of(self._clock.sleep(pause), self._stopping.wait())


def _unready(unit: UnitReport) -> str:
    if unit.state == "quarantined":
        return f"unit {unit.unit_id} is quarantined: {unit.reason}"
    if unit.state != "live":
        return f"unit {unit.unit_id} is {unit.state}"
    if unit.lag_rows > _CAUGHT_UP:
        return f"unit {unit.unit_id} lags {unit.lag_rows} rows"
    return ""
