"""The whole path under faults by seed: nothing lost, nothing twice, and a checker that can fail.

One seed again: ``pytest "tests/simulation/test_path.py::test_the_path_keeps_its_promise[17]"``.
"""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from random import Random
from typing import Any, Final, NoReturn

import msgspec
import numpy as np
import pytest
import structlog
import structlog.testing
from typing_extensions import override

from tests.simulation.faults import Faulty, Figures, crash, settle
from tests.simulation.market import KINDS, SYMBOLS, ScriptedSource, bar_rows
from tests.simulation.memory_store import MemoryStore
from tests.simulation.parts import CADENCE
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.unit import UnitSpec
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.unit import Ports, Unit
from whispr_daemon.ports.store import Commit, StoredOutput

PARTITIONS: Final = 2
ROWS: Final = 90
FAULTS: Final = 0.04
CRASHES: Final = 12
SEEDS: Final = 200
MUTANT_SEEDS: Final = 20


class Receiver:
    """What is outside: keeps all it was sent, refuses older relays, knows what came after."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, str]] = []
        self.epoch = 0


class Delivery:
    """An outlet of one relay to the receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._epoch = 0

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Take over; tell what arrived after the receipt."""
        if epoch < self._receiver.epoch:
            raise Fenced("a newer relay has the receiver")
        self._epoch = self._receiver.epoch = epoch
        return {sent[2] for sent in self._receiver.sent[int(receipt or 0) :]}

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Keep them."""
        if self._epoch < self._receiver.epoch:
            raise Fenced("a newer relay has the receiver")
        self._receiver.sent += [(each.unit_id, each.out_seq, each.output.id) for each in outputs]
        return str(len(self._receiver.sent))

    async def close(self) -> None:
        """Nothing is held."""


class Path:
    """Everything that survives, and the stages that die and come again."""

    def __init__(self, seed: int, store: MemoryStore, faults: float) -> None:
        self.random = Random(seed)
        self.clock = ManualClock()
        self.store = store
        self.log = MemoryEventLog(PARTITIONS, self.clock)
        self.receiver = Receiver()
        self._seed, self._faults = seed, faults
        self.figures = Figures()
        self.failures: list[BaseException] = []
        self.zombies: list[asyncio.Task[None]] = []
        self.stages: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str) -> None:
        """Build a stage anew and run it; one that still runs becomes a zombie."""
        if name in self.stages:
            self.zombies.append(self.stages[name])
        match name.split("/"):
            case ["ingest"]:
                work = self._ingest().run()
            case ["relay"]:
                outlet: Any = self._faulty(Delivery(self.receiver))
                store: Any = self._faulty(self.store)
                work = Relay("r", outlet, store, self.clock, self.figures).run()
            case [strategy, partition]:
                work = self._unit(strategy, int(partition)).run()
            case _:
                raise ValueError(name)
        self.stages[name] = asyncio.ensure_future(self._guarded(work))

    def names(self) -> list[str]:
        """Return all stages."""
        units = [f"{kind.name}/{part}" for kind in KINDS for part in range(PARTITIONS)]
        return ["ingest", "relay", *units]

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except Fenced:
            pass  # a zombie has ended, as it must
        except Exception as error:  # noqa: BLE001 - looked at when the run is over
            self.failures.append(error)

    def _faulty(self, port: object) -> Any:
        return Faulty(port, self.clock, self.random, self._faults)

    def _ingest(self) -> Ingest:
        source = ScriptedSource(
            market(), SYMBOLS, self.clock, self.random.randrange(1 << 30), 2 if self._faults else 0
        )
        log, store = self._faulty(self.log), self._faulty(self.store)
        return Ingest(source, log, store, self.clock, self.figures)

    def _unit(self, strategy: str, partition: int) -> Unit:
        kind = next(each for each in KINDS if each.name == strategy)()
        ports = Ports(
            log=self._faulty(self.log),
            store=self._faulty(self.store),
            clock=self.clock,
            metrics=self.figures,
        )
        spec = UnitSpec(strategy=strategy, partition=partition)
        return Unit(spec, Fold(kind, strategy, "1"), ports, owner="test", cadence=CADENCE)

    async def done(self) -> bool:
        """Whether all that will be said is said and delivered."""
        ends = [await self.log.last(part) for part in range(PARTITIONS)]
        marks = await self.store.marks()
        return (
            self.stages["ingest"].done()
            and len(marks) == len(KINDS) * PARTITIONS
            and all(mark.wm >= ends[int(name[-1])] for name, mark in marks.items())
            and len(self.receiver.sent) >= len(await self.store.outputs({}, 1 << 30))
        )


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Write no records: they would take half of the time."""
    with structlog.testing.capture_logs(processors=[_drop]):
        yield


def _drop(_logger: object, _name: str, _record: object) -> NoReturn:
    raise structlog.DropEvent


@cache
def market() -> Rows:
    """Return the rows taken in: several instruments, some rows bad, one late: it corrects."""
    rows = bar_rows(ROWS, symbols=len(SYMBOLS), seed=1)
    rows["close"][17], rows["low"][40], rows["ts"][77] = np.nan, -1, 5
    rows.flags.writeable = False
    return rows


async def _run(seed: int, store: MemoryStore, faults: float, crashes: int) -> Path:
    path = Path(seed, store, faults)
    for name in path.names():
        path.start(name)
    rounds = 0
    while crashes or not await path.done():
        rounds += 1
        if rounds > 3000:
            raise AssertionError(f"it hangs: {path.failures} {await store.quarantined()}")
        await settle(path.clock, path.random.randrange(1, 12))
        path.clock.advance(path.random.choice((0.0, 0.01, 0.1)))
        if crashes and path.random.random() < 0.3:
            crashes -= 1
            name = path.random.choice(path.names())
            if path.random.random() < 0.6:
                await crash(path.stages[name])
            path.start(name)
    for task in [*path.stages.values(), *path.zombies]:
        await crash(task)
    return path


Said = dict[str, list[bytes]]


def _rows_of(path: Path) -> list[list[tuple[Any, ...]]]:
    return [
        [row for entry in path.log._entries[part] for row in entry.rows.tolist()]
        for part in range(PARTITIONS)
    ]


@cache
def expected() -> tuple[Said, list[list[tuple[Any, ...]]]]:
    """Return what an uninterrupted run says, and the rows of its log."""
    path = asyncio.run(_run(0, MemoryStore(), 0.0, 0))
    return path.store.said, _rows_of(path)


def _check(path: Path) -> list[str]:
    """Return what is wrong, in words."""
    said, rows = expected()
    wrong = [repr(failure) for failure in path.failures]
    late = [row for part in rows for row in part if row[2] == Kind.CORRECTION]
    if [row[0] for row in late] != [5]:
        wrong.append(f"corrections {late}")
    wrong += [
        f"the log of partition {part} differs"
        for part in range(PARTITIONS)
        if repr(_rows_of(path)[part]) != repr(rows[part])
    ]
    for unit_id, bodies in said.items():
        if path.store.said.get(unit_id) != bodies:
            wrong.append(
                f"{unit_id} said {len(path.store.said.get(unit_id, []))}, "
                f"expected {len(bodies)}, or others"
            )
    wanted = sorted(
        (unit_id, number, msgspec.json.decode(body)["id"])
        for unit_id, bodies in said.items()
        for number, body in enumerate(bodies, start=1)
    )
    if sorted(path.receiver.sent) != wanted:
        wrong.append(f"delivered {len(path.receiver.sent)}, expected {len(wanted)}, or others")
    for unit_id in said:
        numbers = [sent[1] for sent in path.receiver.sent if sent[0] == unit_id]
        if numbers != sorted(numbers):
            wrong.append(f"{unit_id} was delivered out of order")
    letters = asyncio.run(path.store.dead_letters(99))
    if sorted(each.seq for each in letters) != [18, 41]:
        wrong.append(f"dead letters {letters}")
    return wrong


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_path_keeps_its_promise(seed: int) -> None:
    assert _check(asyncio.run(_run(seed, MemoryStore(), FAULTS, CRASHES))) == []


class TwoTransactions(MemoryStore):
    """Position first, outputs after: a crash between the two loses them."""

    @override
    async def commit(self, commit: Commit) -> None:
        """Make the position durable, then the outputs."""
        mark = self.units[commit.unit_id]
        if (mark.epoch, mark.wm) == (commit.epoch, commit.old):
            self.units[commit.unit_id] = msgspec.structs.replace(
                mark, wm=commit.new, out_seq=commit.out_seq, out_hash=commit.out_hash
            )
            for _ in range(10):
                await asyncio.sleep(0)  # noqa: TID251 - here it may be cancelled
            self.units[commit.unit_id] = mark
        await super().commit(commit)


@pytest.mark.parametrize("mutant", [TwoTransactions])
def test_the_checker_notices_a_promise_that_is_not_kept(mutant: type[MemoryStore]) -> None:
    caught = 0
    for seed in range(MUTANT_SEEDS):
        try:
            caught += bool(_check(asyncio.run(_run(seed, mutant(), FAULTS, 4 * CRASHES))))
        except AssertionError:
            caught += 1
    assert caught > MUTANT_SEEDS // 4
