"""What a partition does not hold of a symbol that its rules come to refer to, it learns."""

import asyncio
from collections.abc import Sequence
from functools import cache
from random import Random

import numpy as np
import pytest

from tests.simulation.faults import Figures, finish
from tests.simulation.market import SYMBOLS, ScriptedSource, bar_rows
from tests.simulation.memory_store import MemoryStore
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.engine.alignment import Alignment
from whispr_daemon.engine.elsewhere import Merged, read_past
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.learning import follow
from whispr_daemon.engine.reader import Reader
from whispr_daemon.rules.change import RuleChange, decode
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

PARTITIONS = 3
RULE = """
name: pair
inputs: {symbols: [QQQ, IWM, DIA], refs: {spy: SPY}}
logic:
  - {if: "cross(ema(close / spy.close, 5), ema(close / spy.close, 12))", then: ["emit:ratio"]}
  - {if: "cross(spy.close, ema(spy.close, 30))", then: ["emit:average"]}
  - {if: "roc(spy.close, 45) > 0.5", edge: every, then: ["emit:longer"]}
"""
NOTHING = RuleChange()
PAIR = RuleChange(files=(RuleFile("pair.yaml", RULE),), refs=("SPY",))
AGAIN = RuleChange(files=PAIR.files, refs=PAIR.refs, broken=("other.yaml:1:1: E101",))


@cache
def market(split_at: tuple[int, ...] = ()) -> Rows:
    """Return bars of all symbols; splits of SPY stand before the minutes of ``split_at``."""
    rows = bar_rows(1200, symbols=len(SYMBOLS), seed=11)
    for minute in sorted(split_at, reverse=True):
        split = rows[4 * minute - 1 : 4 * minute].copy()
        split["kind"], split["timeframe"], split["instrument"] = Kind.SPLIT, 0, 0
        split["ts"] += 1  # a moment of its own, wherever the feed is cut
        split["open"], split["volume"] = 0.5, 2.0
        rows = np.insert(rows, 4 * minute, split)
    return rows


class World:
    """A log that was taken in, with changes before the first row and before some others."""

    def __init__(
        self, partitions: int, rows: Rows, changes: Sequence[RuleChange], *at: int
    ) -> None:
        self.clock = ManualClock(start=1)
        self.store = MemoryStore()
        self.log = MemoryEventLog(partitions, self.clock)
        self._rows, self._changes, self._at = rows, changes, at

    async def fill(self) -> None:
        """Take the rows in."""
        for change, end in zip(self._changes, (*self._at, len(self._rows)), strict=True):
            await self.store.add_change(change.encode())
            source = ScriptedSource(self._rows[:end], SYMBOLS, self.clock, end)
            alignment = Alignment(refs_of=lambda body: decode(body).refs, wait=0.01)
            ingest = Ingest(source, self.log, self.store, self.clock, Figures(), alignment)
            await finish(self.clock, ingest.run())

    def reader(self, partition: int) -> Reader:
        """Return a reader of a partition."""
        return Reader(self.log, self.store, self.clock, partition, 50)

    async def said(self) -> list[Output]:
        """Return what rules say over all partitions after the last change, by time."""
        found: list[Output] = []
        for partition in range(self.log.partitions):
            settings = RuleSettings(
                require="formed", partition=partition, partitions=self.log.partitions
            )
            rules = RulesStrategy([], settings)
            fold = Fold(rules, "rules", "1", partition=partition, partitions=self.log.partitions)
            reader = self.reader(partition)
            for entry in self.log._entries[partition]:
                await reader.read(ORIGIN)
                outputs = await finish(self.clock, follow(fold, entry, reader))
                if entry.marks.get("rules", 0) == len(self._changes):
                    found += [one.output for one in outputs]
        return sorted(found, key=lambda one: (one.ts_event, one.instrument, one.name))


def run(world: World) -> list[tuple[object, ...]]:
    async def whole() -> list[Output]:
        await world.fill()
        return await world.said()

    return [
        (one.ts_event, one.instrument, one.name, one.direction, one.price, one.data)
        for one in asyncio.run(whole())
    ]


@pytest.mark.parametrize("splits", [(), (60,), (60, 200), (200,)])
def test_a_rule_says_the_same_whichever_partition_it_lives_in(splits: tuple[int, ...]) -> None:
    rows = market(splits)
    one = run(World(1, rows, (NOTHING, PAIR), 602))
    many = run(World(PARTITIONS, rows, (NOTHING, PAIR), 602))
    assert one == many
    assert {each[1] for each in one} == {"QQQ", "IWM", "DIA"}


def test_a_symbol_that_is_referred_to_again_is_whole_again() -> None:
    rows = market((60,))
    again = run(World(PARTITIONS, rows, (PAIR, NOTHING, PAIR), 200, 602))
    assert again == run(World(1, rows, (PAIR, NOTHING, PAIR), 200, 602)) != []


async def test_who_recovers_right_before_a_change_learns_the_same() -> None:
    world = World(PARTITIONS, market((60,)), (NOTHING, PAIR), 602)
    await world.fill()
    home = partition_of("SPY", PARTITIONS)
    for partition in {*range(PARTITIONS)} - {home}:
        found = []
        for knows in (True, False):
            settings = RuleSettings(partition=partition, partitions=PARTITIONS)
            rules = RulesStrategy([], settings)
            fold = Fold(rules, "rules", "1", partition=partition, partitions=PARTITIONS)
            reader = world.reader(partition)
            for entry in world.log._entries[partition]:
                change = bool((entry.rows["kind"] == Kind.CHANGE).any())
                if change and not knows:
                    reader = world.reader(partition)  # it has read no row of any instrument
                else:
                    await reader.read(ORIGIN)
                await finish(world.clock, follow(fold, entry, reader))
            found.append(rules.snapshot())
        assert found[0] == found[1]


@pytest.mark.parametrize("seed", range(6))
def test_the_past_stands_where_ingest_would_have_put_it(seed: int) -> None:
    random = Random(seed)
    rows = market((30, 90)).copy()
    kept = np.array([random.random() < 0.7 for _ in rows])
    rows = np.concatenate([_days(), rows[kept | (rows["kind"] == Kind.SPLIT)]])
    at = random.randrange(300, 600)
    late, early = (
        World(PARTITIONS, rows, changes, at) for changes in ((NOTHING, PAIR), (PAIR, AGAIN))
    )
    home = partition_of("SPY", PARTITIONS)
    for world in (late, early):
        asyncio.run(world.fill())
    for partition in {*range(PARTITIONS)} - {home}:
        wanted = _all(early, partition)
        assert asyncio.run(_merged(late, partition)) == wanted[: wanted.index("change 2")]


def _days() -> Rows:
    """Return some history: two daily bars a symbol."""
    days = bar_rows(8, symbols=len(SYMBOLS))
    days["timeframe"], days["ts"] = 11, bar_rows(1)["ts"][0] - np.repeat([2, 1], 4) * 86_400 * 10**9
    return days


async def _merged(world: World, partition: int) -> list[object]:
    past = await read_past(world.reader(partition), ["SPY"], 2)
    merged = Merged(past)
    found = [merged.with_past(entry).rows for entry in world.log._entries[partition]]
    rows = _listed(np.concatenate([empty_rows(0), *found]))
    return rows[: rows.index("change 2")]


def _all(world: World, partition: int) -> list[object]:
    return _listed(np.concatenate([entry.rows for entry in world.log._entries[partition]]))


def _listed(rows: Rows) -> list[object]:
    change = rows["kind"] == Kind.CHANGE
    return [
        f"change {int(row['open'])}" if changed else row.tolist()
        for row, changed in zip(rows, change, strict=True)
    ]
