"""Keeps the desired hosts running: asks each for progress, starts and kills without asking it."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final

import structlog

from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.unit import HostReport, HostSpec, HostStatus, Sample, UnitReport
from whispr_daemon.engine.retry import first_of
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.metrics import HOST_UP, RESTARTS, Metrics
from whispr_daemon.ports.runtime import Runtime
from whispr_daemon.ports.store import Store

_ROUND: Final = 0.5  # seconds between two rounds of questions
_FIRST_ROUNDS: Final = 0.1  # likewise, while hosts that were never up are on their way
_ANSWER_WITHIN: Final = 2.0  # seconds
_PROBE_WITHIN: Final = 2.0
_FIRST_ANSWER: Final = 60.0  # seconds a new host has to be built and answer
_STEADY: Final = 60.0  # seconds up after which a host's death is no longer one of a row
_LONGEST_PAUSE: Final = 30.0  # between two starts of a host that keeps dying
_CAUGHT_UP: Final = 10_000  # rows a live unit may lag and still count as caught up
_STARTING: Final = ("starting", "recovering")
_ENDED: Final = ("quarantined", "stopped")


class _Watch:
    """What the supervisor remembers of one host."""

    def __init__(self, spec: HostSpec, now: float) -> None:
        self.spec = spec
        self.report: HostReport | None = None
        self.up = False
        self.restarts = 0
        self.next_start = now
        self.pause = _ROUND
        self.moved_at = now  # when every unit had last made a turn
        self._up_since: float | None = None
        self._killed = False  # since its last answer
        self._turns: dict[str, tuple[int, float]] = {}  # unit: turns, since when

    def learn(self, report: HostReport, now: float) -> bool:
        """Take an answer in; return whether the host is not the run it was before."""
        turns = {unit.unit_id: unit.turns for unit in report.units}
        last = self.report
        anew = self._killed or (
            last is not None
            and (
                last.pid != report.pid
                or any(turns.get(unit.unit_id, 0) < unit.turns for unit in last.units)
            )
        )
        if anew:
            self._turns.clear()
            self._up_since = None
        self._killed = False
        for unit in report.units:
            before, since = self._turns.get(unit.unit_id, (-1, now))
            moved = unit.turns != before or unit.state in _ENDED
            self._turns[unit.unit_id] = (unit.turns, now if moved else since)
        self.report, self.up = report, True
        self._up_since = now if self._up_since is None else self._up_since
        if now - self._up_since >= _STEADY:
            self.pause = _ROUND
        self.moved_at = min((since for _, since in self._turns.values()), default=now)
        return anew

    def begin_anew(self, now: float) -> None:
        """Give a host that was killed the full time again."""
        self.miss()
        self._turns.clear()
        self._killed = self.report is not None
        self.moved_at = self.next_start = now

    @property
    def answered(self) -> bool:
        """Whether it has answered since it was last started or killed."""
        return self.report is not None and not self._killed

    @property
    def settled(self) -> bool:
        """Whether it has been seen at work."""
        report = self.report
        return report is not None and all(unit.state not in _STARTING for unit in report.units)

    def miss(self) -> None:
        """Take in that there was no answer."""
        self.up, self._up_since = False, None


class Supervisor:
    """Reconciles what runs with what should run. Its own death leaves the data path untouched."""

    def __init__(
        self,
        specs: Sequence[HostSpec],
        runtime: Runtime,
        probed: tuple[EventLog, Store],
        clock: Clock,
        metrics: Metrics,
        stall_after: float,
    ) -> None:
        """A host whose loop stands still for ``stall_after`` seconds is killed and started."""
        self._runtime = runtime
        self._event_log, self._store = probed
        self._clock, self._metrics = clock, metrics
        self._stall_after = stall_after
        self._watches = {spec.host_id: _Watch(spec, clock.monotonic()) for spec in specs}
        self._pushed: dict[str, tuple[Sample, ...]] = {}
        self._away: dict[str, str] = {"hosts": "not asked yet"}
        self._stopping = asyncio.Event()
        self.fatal = ""  # why a host has ended for good, and the daemon must
        self._journal = structlog.get_logger("whispr.supervisor")

    async def run(self) -> None:
        """Supervise until stopped, or until :attr:`fatal` is set; then let the hosts finish."""
        while not self._stopping.is_set() and not self.fatal:
            await asyncio.gather(*(self._attend(watch) for watch in self._watches.values()))
            await self._probe()
            await self._pause()
        await self._runtime.stop(list(self._watches))

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
        reasons = [f"{what}: {why}" for what, why in self._away.items()]
        for host_id, watch in self._watches.items():
            if not watch.up or watch.report is None:
                reasons.append(f"host {host_id} does not answer")
            else:
                reasons += [text for unit in watch.report.units if (text := _unready(unit))]
        return tuple(reasons)

    def push(self, process: str, samples: tuple[Sample, ...]) -> None:
        """Take the figures of a process that is not a host (ingest and relays live there)."""
        self._pushed[process] = samples

    def samples(self) -> Mapping[str, tuple[Sample, ...]]:
        """Return every process's figures, by its name."""
        hosts = {
            host_id: watch.report.metrics
            for host_id, watch in self._watches.items()
            if watch.report is not None
        }
        return {"supervisor": self._metrics.samples(), **self._pushed, **hosts}

    async def _attend(self, watch: _Watch) -> None:
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
        if now - watch.moved_at >= self._patience(watch):
            self._journal.error("host makes no progress, killing it", host=host_id)
            await self._runtime.kill(host_id)
            watch.begin_anew(now)
        elif report is None:
            await self._start(watch, now)  # leaves one alone that is alive but busy
        self._metrics.gauge(HOST_UP, float(report is not None), host_id)

    def _patience(self, watch: _Watch) -> float:
        """Return how long a host may stand still. One that is being built needs its time."""
        return self._stall_after if watch.answered else max(self._stall_after, _FIRST_ANSWER)

    async def _start(self, watch: _Watch, now: float) -> None:
        if now < watch.next_start:
            return
        watch.next_start = now + watch.pause
        watch.pause = min(watch.pause * 2, _LONGEST_PAUSE)
        try:
            await self._runtime.start(watch.spec)
        except Transient as error:
            self._journal.warning("host did not start", host=watch.spec.host_id, error=str(error))

    async def _probe(self) -> None:
        away: dict[str, str] = {}

        async def ask(what: str, question: Awaitable[object]) -> None:
            try:
                async with asyncio.timeout(_PROBE_WITHIN):
                    await question
            except (Transient, TimeoutError) as error:
                away[what] = str(error) or f"no answer in {_PROBE_WITHIN:g} s"

        await ask("store", self._store.marks())
        await ask("log", self._event_log.last(0))
        self._away = away

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
