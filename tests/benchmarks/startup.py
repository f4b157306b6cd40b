"""From the start of a process to its first signal; and what recovery takes, by size of the state.

A first start is that of ``whispr run`` on an empty folder, with one rule that answers every bar, to
the first signal in the outlet's file: source, log, fold, store and relay have been passed by then.
A second one is on the folder that the first left.

Recovery is that of a unit of rules whose process was killed: its newest snapshot is restored, and
the rows since then are folded again, in silence, with their outputs compared. The rules themselves
are loaded before; what that takes is told by ``rules.many``. What a megabyte of the snapshot costs,
and one rule for each row since, is told in processor time, size by size, and may not grow.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import numpy as np

from tests.benchmarks.bars import Bars, generated, written
from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.linear import Size, each
from tests.benchmarks.mix import rules
from tests.benchmarks.turns import processor
from tests.integration.daemons import Daemon
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.metrics import PrometheusMetrics
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.domain.unit import UnitSpec
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.reader import Reader
from whispr_daemon.engine.recovery import recover
from whispr_daemon.engine.unit import Cadence, Ports, Unit
from whispr_daemon.ports.source import SourceBatch
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.load import load
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

_RULE: Final = "name: all\nlogic: [{if: close > 0, edge: every, then: ['emit:bar']}]\n"
_LOOK: Final = 0.005  # seconds between two looks for the first signal
_UP_WITHIN: Final = 180.0  # seconds
_STARTS: Final = 3  # at most; each is a first one and a second one
_SIZES: Final = ((10, 10), (10, 100), (10, 1_000), (100, 1_000), (1_000, 1_000))  # rules, symbols
_SHORT: Final = ((5, 10),)
_PAST, _PAST_ROWS = 100, 10_000  # minutes before the snapshot, or rows, whichever are more
_SINCE: Final = 100  # of the rows of a long run one so-manieth comes after it
_ONCE: Final = 4_096  # rows a batch of the source
_SPEC: Final = UnitSpec(strategy="rules", partition=0)
_NEVER: Final = Cadence(idle_commit=1e-9, snapshot=1e9, snapshot_rows=10**12)


# ---------------------------------------------------------------------- start
def started(tier: int, scale: Scale) -> Sequence[Figure]:
    """Return seconds from the start of a process to its first signal."""
    first, again = [], []
    starts = min(_STARTS, scale.repetitions)
    for number in range(starts):
        scale.say(f"tier {tier}, start {number + 1} of {starts}")
        folder = scale.folder / str(number)
        folder.mkdir()
        daemon = _daemon(tier, folder)
        try:
            first.append(asyncio.run(_to_first(daemon)))
            again.append(asyncio.run(_to_first(daemon)))
        finally:
            daemon.discard()
    return [
        Figure("first start to first signal", median(first), "s", each=tuple(first)),
        Figure("second start to first signal", median(again), "s", each=tuple(again)),
    ]


def _daemon(tier: int, folder: Path) -> Daemon:
    files = written(generated(3_000, 1), folder)
    (folder / "rule.yaml").write_text(_RULE)
    return Daemon(
        folder,
        {
            "tier": tier,
            "rules": {"dir": str(folder / "rule.yaml"), "watch": False},
            "source": {"kind": "files", "paths": [str(files.minutes)], "speed": 600.0},
            "outlets": [{"kind": "jsonl", "path": "signals.jsonl"}],
            "health": {"port": 0},
            "log": {"level": "error"},
        },
    )


async def _to_first(daemon: Daemon) -> float:
    """Start it; return the seconds to the next signal, when it has ended."""
    had = _size(daemon.said)
    began = SYSTEM_CLOCK.monotonic()
    daemon.start()
    while _size(daemon.said) == had:
        taken = SYSTEM_CLOCK.monotonic() - began
        assert daemon.poll() is None, daemon.errors[-2000:]
        assert taken < _UP_WITHIN, f"no signal after {taken:.0f} s"
        await SYSTEM_CLOCK.sleep(_LOOK)
    taken = SYSTEM_CLOCK.monotonic() - began
    await asyncio.to_thread(daemon.end, _UP_WITHIN)
    return taken


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


# ---------------------------------------------------------------------- recovery
class Recovered(NamedTuple):
    """What one recovery took."""

    seconds: float
    processor: float  # seconds of it
    rows: int  # since the snapshot
    megabytes: float  # of the snapshot


_Both = tuple[list[Recovered], list[Recovered]]  # right after a snapshot; some rows later


class _Market:
    """A source of rows."""

    name = "market"

    def __init__(self, market: Bars, rows: Rows) -> None:
        self._market, self._rows = market, rows

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self._rows)

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield them."""
        for at in range(after, len(self._rows), _ONCE):
            rows = self._rows[at : at + _ONCE]
            yield SourceBatch(first_seq=at + 1, symbols=self._market.symbols, rows=rows)

    def describe(self, seq: int) -> str:
        """Say which."""
        return f"row {seq}"


def recovered(scale: Scale) -> Sequence[Figure]:
    """Return what recoveries take of states of several sizes."""
    compiler: Compiler = UNCOMPILED if scale.short else NumbaCompiler(scale.folder / "kernels")
    figures: list[Figure] = []
    found: dict[tuple[int, int], _Both] = {}
    for count, symbols in _SHORT if scale.short else _SIZES:
        scale.say(f"{count:,} rules over {symbols:,} symbols")
        since = scale.rows // _SINCE
        folder = scale.folder / f"{count}x{symbols}"
        folder.mkdir()
        made = _Place(folder, load(rules(count)).rules, compiler, scale.repetitions)
        both = asyncio.run(_recoveries(made, symbols, since))
        found[count, symbols] = both
        for one in both:
            what = f"{one[0].megabytes:,.2f} MB and {one[0].rows:,} rows"
            taken = tuple(recovery.seconds for recovery in one)
            figures.append(Figure(f"{what}: recovered", median(taken), "s", each=taken))
    if isinstance(compiler, NumbaCompiler):
        compiler.close()
    return figures if scale.short else [*figures, *_growth(found)]


def _growth(found: Mapping[tuple[int, int], _Both]) -> Sequence[Figure]:
    """Return what a megabyte of a snapshot costs, by size, and a row since then, by rules."""
    restored, folded = [], []
    for (count, symbols), (clean, later) in found.items():
        restoring = median(one.processor for one in clean)
        named = f"{clean[0].megabytes:,.2f} MB"
        restored.append(Size(named, clean[0].megabytes, 1e3 * restoring))
        if symbols == max(_SIZES)[1]:
            folding = median(one.processor for one in later) - restoring
            folded.append(Size(f"{count:,} rules", count * later[0].rows, 1e9 * folding))
    return [
        *each("a megabyte restored", "ms", sorted(restored, key=lambda size: size.many)),
        *each("a row folded again, of each rule", "ns", folded),
    ]


class _Place(NamedTuple):
    """Where a unit runs, and what."""

    folder: Path
    rules: Sequence[Rule]
    compiler: Compiler
    repetitions: int

    def fold(self) -> Fold:
        """Return the rules built anew."""
        made = RulesStrategy(self.rules, RuleSettings(require="formed"), self.compiler)
        return Fold(made, "rules", "1")


async def _recoveries(place: _Place, symbols: int, since: int) -> _Both:
    """Return recoveries right after a snapshot, and so many rows later."""
    past = max(_PAST, _PAST_ROWS // symbols)  # minutes
    market = generated(past + since // symbols + 1, symbols)
    everything = np.concatenate([market.history, market.rows])
    before = len(market.history) + past * symbols
    found = []
    async with AsyncExitStack() as stack:
        log = await SqliteEventLog.open(place.folder / "log.db", 1)
        stack.push_async_callback(log.close)
        store = await SqliteStore.open(place.folder / "store.db")
        stack.push_async_callback(store.close)
        ports = Ports(log=log, store=store, clock=SYSTEM_CLOCK, metrics=PrometheusMetrics())
        for rows, clean in ((everything[:before], True), (everything[: before + since], False)):
            await _folded(place, ports, _Market(market, rows), clean=clean)
            if isinstance(place.compiler, NumbaCompiler):
                await asyncio.to_thread(place.compiler.finish)
            found.append([await _recovered(place, ports) for _ in range(place.repetitions)])
    at_once, later = found
    return at_once, later


async def _folded(place: _Place, ports: Ports, source: _Market, *, clean: bool) -> None:
    """Take rows in and fold them; a clean end takes a snapshot."""
    await Ingest(source, ports.log, ports.store, ports.clock, ports.metrics).run()
    last = await ports.log.last(0)
    unit = Unit(_SPEC, place.fold(), ports, "bench", _NEVER)
    running = asyncio.create_task(unit.run())
    while not running.done():  # asked of the store: a report counts what rules still lack
        mark = (await ports.store.marks()).get(_SPEC.unit_id)
        if mark is not None and mark.wm >= last:
            break
        await SYSTEM_CLOCK.sleep(_LOOK)
    if clean:
        unit.stop()
        await running
    else:
        running.cancel()
        await asyncio.wait({running})


async def _recovered(place: _Place, ports: Ports) -> Recovered:
    fold = place.fold()
    claim = await ports.store.claim(_SPEC.unit_id, 0, "bench", ORIGIN)
    assert claim.snapshot is not None
    reader = Reader(ports.log, ports.store, ports.clock, 0, _NEVER.read_rows)
    began, used = SYSTEM_CLOCK.monotonic(), processor()
    await recover(_SPEC.unit_id, fold, claim, reader)
    seconds, used = SYSTEM_CLOCK.monotonic() - began, processor() - used
    then = place.fold()
    then.restore(claim.snapshot)
    return Recovered(seconds, used, fold.rows - then.rows, len(claim.snapshot.body) / 1e6)


CASES: Final = (
    *(
        Case(
            f"startup.tier{tier}",
            f"first signal of a process on tier {tier}",
            partial(started, tier),
        )
        for tier in (0, 1)
    ),
    Case("startup.recovery", "seconds by size of the state", recovered),
)
