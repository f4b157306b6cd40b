"""What is copied while others write is of one daemon: nothing its store knows is not in its log."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest

from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.batch import Rows, change_row, empty_rows
from whispr_daemon.domain.errors import LogWentBack, SettingsError, Transient
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.engine.copying import Blank, Original, copy, restore
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.store_image import Page, StoreImage

PARTITIONS = 2
SEEDS = 200


def silent(_what: str, _done: int, _whole: int) -> None:
    """Nobody looks."""


class Image:
    """What the world's store held when it was taken: a row of its names, one of its units."""

    def __init__(self, named: tuple[int, ...], snapshots: Sequence[Sequence[Position]]) -> None:
        self.named = named
        self.snapshots = [tuple(each) for each in snapshots]

    async def rows(self) -> int:
        return 2

    async def pages(self) -> AsyncGenerator[Page, None]:
        yield Page("named", [self.named])
        yield Page("snapshots", [tuple(self.snapshots)])


class Kept:
    """A store that is filled."""

    def __init__(self, *, empty: bool = True) -> None:
        self.pages: dict[str, Sequence[tuple[object, ...]]] = {}
        self._empty = empty

    async def expect_empty(self) -> None:
        if not self._empty:
            raise SettingsError("holds a store already")

    async def fill(self, pages: AsyncIterator[Page]) -> None:
        self.pages = {page.table: page.rows async for page in pages}


class World(MemoryEventLog):
    """A log and a store on which ingest, units and retention go on whenever they are looked at."""

    def __init__(self, seed: int) -> None:
        super().__init__(PARTITIONS)
        self.all: list[list[Entry]] = [[] for _ in range(PARTITIONS)]
        self._chance = Random(seed)
        self._instruments = self._change = self._epoch = self._seq = 0
        self._snapshots: list[list[Position]] = [[ORIGIN] for _ in range(PARTITIONS)]
        self._offsets = [0] * PARTITIONS
        self.busy = self._chance.choice((1, 3, 8))  # steps between two looks, at most

    @asynccontextmanager
    async def image(self) -> AsyncIterator[StoreImage]:
        await self.go_on()
        named = (self._instruments, self._change, self._epoch)
        yield Image(named, self._snapshots)
        await self.go_on()

    async def read(
        self, partition: int, after: Position, max_rows: int, wait: float
    ) -> Sequence[Entry]:
        await self.go_on()
        return await super().read(partition, after, min(max_rows, 20), wait)  # many pages

    async def last(self, partition: int) -> Position:
        await self.go_on()
        return await super().last(partition)

    async def go_on(self) -> None:
        for _ in range(self._chance.randrange(self.busy + 1)):
            await self._step()

    async def _step(self) -> None:
        what = self._chance.randrange(100)
        if self._epoch == 0 or what == 0:
            await self._fence()
        elif what < 4:
            self._instruments += 1  # read of the source; perhaps it is never appended
        elif what < 6:
            self._change += 1
            for partition in range(PARTITIONS):
                await self._put(partition, change_row(self._change, 1))
        elif what < 75:
            rows = empty_rows(self._chance.randrange(1, 9))
            rows["kind"] = Kind.BAR
            self._instruments = max(self._instruments, 1)
            rows["instrument"] = self._instruments - 1
            await self._put(self._chance.randrange(PARTITIONS), rows)
        elif what < 95:
            partition = self._chance.randrange(PARTITIONS)
            end = await super().last(partition)
            self._snapshots[partition] = [*self._snapshots[partition], end][-3:]
        else:
            partition = self._chance.randrange(PARTITIONS)
            await self.trim(partition, self._snapshots[partition][0])

    async def _fence(self) -> None:
        self._epoch, self._seq = self._epoch + 1, 0
        for partition in range(PARTITIONS):
            await self._put(partition, empty_rows(0))

    async def _put(self, partition: int, rows: Rows) -> None:
        self._offsets[partition] += len(rows)
        position = Position(self._epoch, self._seq if len(rows) else 0)
        offset = self._offsets[partition] if len(rows) else 0
        self._seq += 1
        entry = Entry(position=position, offset=offset, rows=rows)
        self.all[partition].append(entry)
        await self.append([(partition, entry)])


async def everything(log: MemoryEventLog, partition: int) -> list[Entry]:
    found: list[Entry] = []
    while page := await log.read(partition, found[-1].position if found else ORIGIN, 999, 0.0):
        found.extend(page)
    return found


def same(one: Entry, other: Entry) -> bool:
    return one.position == other.position and one.rows.tobytes() == other.rows.tobytes()


async def check(world: World, log: MemoryEventLog, kept: Kept) -> None:
    """Raise AssertionError where a daemon could not go on from a copy."""
    ((instruments, change, epoch),) = kept.pages["named"]
    (snapshots,) = kept.pages["snapshots"]
    for partition, of_unit in enumerate(snapshots):
        assert isinstance(of_unit, tuple)
        found = await everything(log, partition)
        # All that came after the oldest snapshot, up to where the copy ends, beyond the newest.
        assert (found[-1].position if found else ORIGIN) >= of_unit[-1]
        wanted = [
            each
            for each in world.all[partition]
            if found and of_unit[0] <= each.position <= found[-1].position
        ]
        copied = [each for each in found if each.position >= of_unit[0]]
        assert len(copied) == len(wanted)
        assert all(map(same, copied, wanted))
        for entry in found:
            assert entry.position.epoch <= epoch
            bars = entry.rows[entry.rows["kind"] == Kind.BAR]
            assert bars["instrument"].max(initial=0) < max(instruments, 1)
            changes = entry.rows[entry.rows["kind"] == Kind.CHANGE]
            assert changes["open"].max(initial=0) <= change


async def test_copied_while_they_are_written_log_and_store_are_of_one_daemon() -> None:
    copied = 0
    for seed in range(SEEDS):
        world, log, kept = World(seed), MemoryEventLog(PARTITIONS), Kept()
        for _ in range(40):
            await world.go_on()
        try:
            await copy(Original(world, world), Blank(log, kept), silent)
        except Transient:
            continue  # trimmed at the end that was being copied: that is said, and none is made
        copied += 1
        try:
            await check(world, log, kept)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    assert copied > SEEDS / 2


async def test_the_log_is_never_read_while_the_store_is_held() -> None:
    class Held(World):
        held = reads = 0

        @asynccontextmanager
        async def image(self) -> AsyncIterator[StoreImage]:
            async with super().image() as image:
                self.held += 1
                yield image
                self.held -= 1

        async def read(
            self, partition: int, after: Position, max_rows: int, wait: float
        ) -> Sequence[Entry]:
            assert not self.held
            self.reads += 1
            return await super().read(partition, after, max_rows, wait)

    world = Held(3)
    for _ in range(40):
        await world.go_on()
    await copy(Original(world, world), Blank(MemoryEventLog(PARTITIONS), Kept()), silent)
    assert world.reads


async def test_restored_it_is_the_same_and_the_store_comes_last() -> None:
    world, log, kept = World(3), MemoryEventLog(PARTITIONS), Kept()
    for _ in range(100):
        await world.go_on()
    world.busy = 0
    told: list[tuple[str, int, int]] = []
    await restore(Original(world, world), Blank(log, kept), lambda *how: told.append(how))
    for partition in range(PARTITIONS):
        there = await everything(world, partition)
        assert all(map(same, await everything(log, partition), there))
        assert (f"rows of log {partition}", there[-1].offset, there[-1].offset) in told
    assert told[-1] == ("rows of the store: snapshots", 2, 2)


async def test_where_there_is_a_store_nothing_is_restored() -> None:
    world, log = World(3), MemoryEventLog(PARTITIONS)
    await world.go_on()
    with pytest.raises(SettingsError):
        await restore(Original(world, world), Blank(log, Kept(empty=False)), silent)
    assert [await log.last(each) for each in range(PARTITIONS)] == [ORIGIN, ORIGIN]


async def test_a_log_that_lost_its_end_is_not_copied() -> None:
    class Shrinking(MemoryEventLog):
        async def last(self, partition: int) -> Position:
            return Position(9, 9)

    with pytest.raises(LogWentBack, match="reached 9-9, now nothing comes after 0-0"):
        await copy(Original(Shrinking(1), World(0)), Blank(MemoryEventLog(1), Kept()), silent)
