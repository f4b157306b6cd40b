"""The whole path in one loop: real stages in processes that a script kills, stops and cuts off."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import cache, partial
from random import Random
from typing import Any, Final

import numpy as np

from tests.simulation.faults import Figures
from tests.simulation.market import KINDS, SYMBOLS, bar_rows
from tests.simulation.mutants import HONEST, Mutant
from tests.simulation.parts import CADENCE
from tests.simulation.placement import Placement
from tests.simulation.plan import HOSTS, SERVERS, SERVICES, Fault
from tests.simulation.process import Link, Process, Weather
from tests.simulation.servers import Delivery, Feed, Receiver, ServedLog
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.unit import HostSpec, UnitSpec
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.engine.unit import Ports, Unit
from whispr_daemon.engine.watch import Patience

PARTITIONS: Final = 2
ROWS: Final = 72
BAD: Final = (18, 41)  # numbers of rows that are refused
LATE: Final = 5  # ns, the time of the one row that comes late
_PATIENCE: Final = Patience(stall_seconds=1.5, deaths=99)
_LONGEST: Final = 100.0  # virtual seconds of a run
_LOOK: Final = 0.1  # seconds between two looks whether it is over
_REST: Final = 0.7  # seconds that zombies have at the end
_STOPPED: Final = 0.5  # of those that are replaced; the others run on, cut off
_GIVEN_UP: Final = 0.6  # of the hosts that are cut off; the others the supervisor must kill
_NANOS: Final = 1_000_000_000


class World:
    """What survives everything (log, store, receiver), and the processes that do not."""

    def __init__(self, seed: int, script: Sequence[Fault], mutant: Mutant = HONEST) -> None:
        """Without a ``script`` nothing goes wrong, not even by chance."""
        self.random = Random(seed)
        self.script = script
        self.mutant = mutant
        self.strategies = self.random.sample(KINDS, len(HOSTS)) if script else list(KINDS)
        self.weather = Weather(self.random, fair=not script)
        self.store = mutant.store()
        self.log = ServedLog(PARTITIONS, Process("log"), self.weather, mutant.log_forgets)
        self.receiver = Receiver(forgets=mutant.receiver_forgets)
        self.figures = Figures()
        self.failures: list[BaseException] = []
        self.services: dict[str, Process] = {}
        self.zombies: list[Process] = []
        self.placement = Placement(self._host, self._launch, self.weather.seen)
        self._taken_in = False

    async def live(self) -> None:
        """Run the script and go on until all is said and delivered, or something is wrong."""
        loop = asyncio.get_running_loop()
        for name in SERVICES:
            self._serve(name)
        for fault in self.script:
            await asyncio.sleep(fault.at - loop.time())  # noqa: TID251 - the script's time
            self._apply(fault)
        while not (self.failures or await self.store.quarantined() or self._done()):
            if loop.time() > _LONGEST:
                raise AssertionError(f"it hangs: not done after {loop.time():g} s of its time")
            await asyncio.sleep(_LOOK)  # noqa: TID251 - as above
        for zombie in (*self.zombies, *self.placement.zombies):
            zombie.go_on()
        if self.zombies or self.placement.zombies:
            await asyncio.sleep(_REST)  # noqa: TID251 - as above
        self.weather.over = True

    def _done(self) -> bool:
        """Whether all that will be said is said and delivered."""
        ends = [held[-1].position if held else None for held in self.log._entries]
        marks = {name: mark for name, mark in self.store.units.items() if "/" in name}
        return (
            self._taken_in
            and len(marks) == len(self.strategies) * PARTITIONS
            and all(mark.wm >= ends[int(name[-1])] for name, mark in marks.items())
            and len(self.receiver.sent) >= sum(map(len, self.store.said.values()))
        )

    def _launch(self, process: Process, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        process.task = asyncio.ensure_future(self._life(process, work))

    async def _life(self, process: Process, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Fenced:  # exit status 70; whoever starts it, starts it again
            self.weather.seen["fenced a process"] += 1
        except Exception as error:  # noqa: BLE001 - looked at when the run is over
            self.failures.append(error)

    def _serve(self, name: str) -> None:
        """Start a service; whenever it dies it is started again, as by an init system."""
        process = self.services[name] = Process(name)
        works: dict[str, Callable[[Process], Coroutine[Any, Any, None]]] = {
            "ingest": self._take_in,
            "relay": lambda process: self._relay(process).run(),
            "supervisor": lambda process: self._supervisor(process).run(),
        }
        self._launch(process, lambda: works[name](process))
        task = process.task
        assert task is not None
        task.add_done_callback(lambda _: self._died(process))

    def _died(self, process: Process) -> None:
        if self.services[process.name] is process and not (
            process.name == "ingest" and self._taken_in
        ):
            loop = asyncio.get_running_loop()
            loop.call_later(self.random.random() * 0.3, self._serve, process.name)

    def _apply(self, fault: Fault) -> None:
        """Let something go wrong; what lasts a while ends by itself."""
        if fault.where:
            waiting = self.weather.ambushes.setdefault(fault.target, {})
            waiting[fault.where] = partial(self._strike, fault)
            return
        found = {**self.services, **self.placement.processes}.get(fault.target)
        if found is not None or fault.target in SERVERS:
            self._strike(fault, found or Process(fault.target))

    def _strike(self, fault: Fault, process: Process) -> None:
        loop = asyncio.get_running_loop()
        self.weather.seen[f"{fault.kind} {fault.target} {fault.where}".rstrip()] += 1
        match fault.kind:
            case "kill":
                process.kill()
            case "stop":
                process.stop()
                loop.call_later(fault.amount, process.go_on)
            case "replace":
                if self.random.random() < _STOPPED:
                    process.stop()
                loop.call_later(fault.amount, process.go_on)
                self._replace(process)
            case "down" | "slow" | "drop replies of":
                self.weather.turn(fault.kind, fault.target, +1)
                loop.call_later(fault.amount, self.weather.turn, fault.kind, fault.target, -1)
            case _:
                process.skew += int(fault.amount) * _NANOS

    def _replace(self, process: Process) -> None:
        process.cut_off = True
        if process.name not in self.services:
            if self.random.random() < _GIVEN_UP:
                self.placement.give_up(process)
            return  # the supervisor starts another
        self.zombies.append(process)
        if self.services[process.name] is process:
            self._serve(process.name)

    def _link(self, port: object, server: str, process: Process) -> Any:
        return Link(port, server, process, self.weather)

    async def _take_in(self, process: Process) -> None:
        feed = Feed(market(), process, self.random, fair=not self.script)
        log, store = (
            self._link(self.log, "log", process),
            self._link(self.store, "store", process),
        )
        await Ingest(feed, log, store, process, self.figures).run()
        self._taken_in = self._taken_in or self.services["ingest"] is process

    def _relay(self, process: Process) -> Relay:
        outlet = self._link(Delivery(self.receiver), "outlet", process)
        store = self._link(self.store, "store", process)
        return Relay("r", outlet, store, process, self.figures)

    def _supervisor(self, process: Process) -> Supervisor:
        """Return a supervisor of one host a strategy, over all partitions."""
        specs = [
            HostSpec(
                host_id=f"host/{number}",
                units=tuple(
                    UnitSpec(strategy=kind.name, partition=part) for part in range(PARTITIONS)
                ),
            )
            for number, kind in enumerate(self.strategies)
        ]
        log, store = (
            self._link(self.log, "log", process),
            self._link(self.store, "store", process),
        )
        return Supervisor(
            specs,
            _Asked(self.placement, process, self.weather),
            (log, store),
            process,
            self.figures,
            _PATIENCE,
        )

    def _host(self, spec: HostSpec, process: Process) -> Host:
        ports = Ports(
            log=self._link(self.log, "log", process),
            store=self._link(self.store, "store", process),
            clock=process,
            metrics=self.figures,
        )
        return Host(spec, lambda unit: self._unit(unit, ports), process, self.figures)

    def _unit(self, spec: UnitSpec, ports: Ports) -> Unit:
        strategy: Any = next(each for each in KINDS if each.name == spec.strategy)()
        fold = self.mutant.fold(strategy, spec.strategy, "1")
        return Unit(spec, fold, ports, owner="test", cadence=CADENCE)


class _Asked:
    """The placement as a supervisor has it, which may be stopped."""

    def __init__(self, placement: Placement, process: Process, weather: Weather) -> None:
        self._placement, self._process, self._weather = placement, process, weather

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._placement, name)

        async def call(*args: Any) -> Any:
            await self._weather.pass_by(self._process, f"before {name}")
            answer = await found(*args)
            await self._weather.pass_by(self._process, f"after {name}")
            return answer

        return call


@cache
def market() -> Rows:
    """Return the rows taken in: several instruments, some rows bad, one late: it corrects."""
    rows = bar_rows(ROWS, symbols=len(SYMBOLS), seed=1)
    rows["close"][BAD[0] - 1], rows["low"][BAD[1] - 1], rows["ts"][61] = np.nan, -1, LATE
    rows.flags.writeable = False
    return rows
