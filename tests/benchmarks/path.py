"""How fast the path is on tier 0, next to what the disk allows.

Run it: ``python -m tests.benchmarks.path``.

Latency: one bar is taken in, made durable in the log, folded, and its signal made durable in the
store, before the next bar comes. Two syncs to disk are the floor. Throughput: all rows at once,
with a strategy that gets columns and one that gets events.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import numpy as np
import structlog
from rich.console import Console
from rich.table import Table

from strategies.ema_cross import EmaCross
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.metrics import PrometheusMetrics
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.events import Bar, Kind, MarketEvent
from whispr_daemon.domain.outputs import Output, Signal
from whispr_daemon.domain.timeframe import CODE_OF, MINUTE
from whispr_daemon.domain.unit import UnitSpec
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.unit import Cadence, Ports, Unit
from whispr_daemon.ports.source import SourceBatch
from whispr_daemon.ports.strategy import ColumnarStrategy, Strategy

BARS = 500
ROWS = 400_000
AT_ONCE = 4096


class Echo:
    """Answers every bar."""

    name = "echo"
    version = "1"

    def on_event(self, event: MarketEvent) -> list[Output]:
        """Say that it saw the bar."""
        return [Signal(name="seen", price=event.close)] if isinstance(event, Bar) else []


class Columns:
    """Sums closes, as a kernel would."""

    name = "columns"
    version = "1"

    def __init__(self) -> None:
        """Start at nothing."""
        self.total = 0.0

    def on_batch(self, batch: Batch) -> Iterable[Output]:
        """Add a batch up; say nothing."""
        self.total += float(batch.rows["close"].sum())
        return ()


class Bars:
    """A source of bars, ``at_once`` a batch; each batch waits until it may come."""

    name = "bars"

    def __init__(self, rows: Rows, at_once: int, turn: Callable[[], Awaitable[None]]) -> None:
        """``turn`` returns when the next batch may come."""
        self._rows, self._at_once, self._turn = rows, at_once, turn

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self._rows)

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield them."""
        for start in range(after, len(self._rows), self._at_once):
            await self._turn()
            rows = self._rows[start : start + self._at_once]
            yield SourceBatch(first_seq=start + 1, symbols=("SPY",), rows=rows)

    def describe(self, seq: int) -> str:
        """Say which."""
        return f"bar {seq}"


def bars(count: int) -> Rows:
    """Make bars of a price that wanders."""
    rows = empty_rows(count)
    price = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 1e-4, count)))
    rows["ts"] = (np.arange(count) + 25_000_000) * MINUTE
    rows["kind"], rows["timeframe"], rows["volume"] = Kind.BAR, CODE_OF["1m"], 100
    for name in ("open", "high", "low", "close"):
        rows[name] = price
    return rows


async def path(
    folder: Path,
    strategy: Strategy | ColumnarStrategy,
    source: Callable[[], Bars],
    committed: Callable[[], None],
) -> None:
    """Run a source through log, unit and store to its end."""
    log = await SqliteEventLog.open(folder / "log.db", 1)
    store = await SqliteStore.open(folder / "store.db")
    ports = Ports(log=log, store=store, clock=SYSTEM_CLOCK, metrics=PrometheusMetrics())
    fold = Fold(strategy, strategy.name, "1")
    spec = UnitSpec(strategy=strategy.name, partition=0)
    unit = Unit(spec, fold, ports, "bench", Cadence(), committed)
    running = asyncio.create_task(unit.run())
    made = source()
    await Ingest(made, log, store, SYSTEM_CLOCK, ports.metrics).run()
    while unit.report().rows < made.total:
        await SYSTEM_CLOCK.sleep(0)
    unit.stop()
    await running
    await log.close()
    await store.close()


def latencies(folder: Path) -> list[float]:
    """Return seconds from a bar to its durable signal, one after another."""
    taken: list[float] = []
    ready = asyncio.Event()
    began = 0.0

    async def turn() -> None:
        nonlocal began
        await ready.wait()
        ready.clear()
        began = SYSTEM_CLOCK.monotonic()

    def committed() -> None:
        taken.append(SYSTEM_CLOCK.monotonic() - began)
        ready.set()

    ready.set()
    asyncio.run(path(folder, Echo(), lambda: Bars(bars(BARS), 1, turn), committed))
    return taken[10:]


def throughput(folder: Path, strategy: Strategy | ColumnarStrategy) -> float:
    """Return rows a second, all stages together."""

    async def turn() -> None:
        return None

    began = SYSTEM_CLOCK.monotonic()
    source = Bars(bars(ROWS), AT_ONCE, turn)
    asyncio.run(path(folder, strategy, lambda: source, lambda: None))
    return ROWS / (SYSTEM_CLOCK.monotonic() - began)


def sync_floor(folder: Path) -> list[float]:
    """Return seconds of a write of 4 KiB and its fdatasync."""
    taken = []
    with (folder / "floor").open("wb", buffering=0) as file:
        for _ in range(BARS):
            began = SYSTEM_CLOCK.monotonic()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            taken.append(SYSTEM_CLOCK.monotonic() - began)
    return taken


def main() -> None:
    """Measure, and print figures with their ratios to the floor."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    table = Table("what", "figure", "ratio")
    with TemporaryDirectory() as name:
        folders = [Path(name) / each for each in "abc"]
        for folder in folders:
            folder.mkdir()
        floor = 2 * median(sync_floor(folders[0]))
        taken = latencies(folders[0])
        half, most = median(taken), quantiles(taken, n=100)[98]
        table.add_row("two syncs to disk, p50", f"{floor * 1e3:.2f} ms", "1.0")
        table.add_row("bar to durable signal, p50", f"{half * 1e3:.2f} ms", f"{half / floor:.1f}")
        table.add_row("bar to durable signal, p99", f"{most * 1e3:.2f} ms", f"{most / floor:.1f}")
        columns = throughput(folders[1], Columns())
        events = throughput(folders[2], EmaCross())
        table.add_row("columns, rows a second", f"{columns:,.0f}", "1.0")
        table.add_row(
            "events one by one, rows a second", f"{events:,.0f}", f"{events / columns:.2f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
