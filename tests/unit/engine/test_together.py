"""Strategies of one host read together and get the same events, and nobody can tell."""

import asyncio
from collections.abc import Sequence

import pytest
from typing_extensions import override

from tests.simulation.faults import crash, settle, until
from tests.simulation.market import SYMBOLS, Stateful, bar_rows, entries
from tests.simulation.parts import World
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import Kind, MarketEvent
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.engine import pages
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.pages import Pages
from whispr_daemon.engine.together import SharedLog
from whispr_daemon.ports.event_log import Entry

WAIT = 1.0  # seconds


class Witness(Stateful):
    """It keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[MarketEvent] = []

    @override
    def on_event(self, event: MarketEvent) -> list[Output]:
        self.given.append(event)
        return super().on_event(event)


def folds(only: Sequence[str] = (), count: int = 2) -> list[Fold]:
    """Return folds of witnesses."""
    return [Fold(Witness(), "one", "1", only) for _ in range(count)]


def given(fold: Fold) -> list[MarketEvent]:
    """Return what its witness was given."""
    assert isinstance(fold.strategy, Witness)
    return fold.strategy.given


def market() -> Rows:
    """Bars of four symbols, with what is no event to a strategy, and one that comes alone."""
    rows = bar_rows(60, 4)
    rows["kind"][[7, 20]] = Kind.CORRECTION
    rows["kind"][33], rows["open"][33], rows["volume"][33] = Kind.SPLIT, 0.5, 2
    return rows


@pytest.mark.parametrize("only", [(), ("SPY",)])
def test_strategies_of_one_host_are_given_the_very_same_events(only: Sequence[str]) -> None:
    one, two, alone = folds(only, 3)
    shared = Pages()
    for each in (one, two):
        each.share(shared)
    for entry in entries(market(), range(0, 60, 9)):
        said = [each.take(entry, SYMBOLS) for each in (one, two, alone)]
        assert said[0] == said[1] == said[2]
    assert given(one) == given(alone) != []
    plain = [event for event in given(one) if event.ts_event < int(market()["ts"][27])]
    assert all(mine is yours for mine, yours in zip(plain, given(two), strict=False))
    assert one.snapshot() == alone.snapshot()


def test_who_wishes_something_else_is_given_something_else() -> None:
    shared = Pages()
    everything, spy, qqq = (*folds((), 1), *folds(("SPY",), 1), *folds(("QQQ",), 1))
    for each in (everything, spy, qqq):
        each.share(shared)
        each.take(entries(bar_rows(40, 4), ())[0], SYMBOLS)
    assert {event.instrument for event in given(spy)} == {"SPY"}  # type: ignore[union-attr]
    assert {event.instrument for event in given(qqq)} == {"QQQ"}  # type: ignore[union-attr]
    assert len(given(everything)) > len(given(spy))


def test_no_more_is_kept_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST", 20 + 2 * pages.AN_ENTRY)
    found = entries(bar_rows(60), range(0, 60, 10))
    shared = Pages()
    first = shared.of(found[0])
    assert shared.of(found[1]) is shared.of(found[1])
    assert shared.of(found[0]) is first
    shared.of(found[2])
    assert shared.of(found[0]) is not first


class Counted(MemoryEventLog):
    """It counts how often it is asked for entries, and can hold its answers back."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(1, clock)
        self.asked = 0
        self.held: asyncio.Event | None = None

    @override
    async def read(
        self, partition: int, after: Position, max_rows: int, wait: float
    ) -> Sequence[Entry]:
        self.asked += 1
        found = await super().read(partition, after, max_rows, wait)
        if self.held is not None:
            await self.held.wait()
        return found


class Readers:
    """Some readers of one log, and what they were told."""

    def __init__(self, count: int = 3) -> None:
        self.clock = ManualClock()
        self.log = Counted(self.clock)
        self.shared = SharedLog(self.log)
        self.found = entries(bar_rows(30), range(0, 30, 10))
        self.tasks = [asyncio.create_task(self.read()) for _ in range(count)]

    async def read(self, after: Position = ORIGIN, wait: float = WAIT) -> Sequence[Entry]:
        """Read as a unit does."""
        return await self.shared.read(0, after, 100, wait)


def test_readers_at_one_place_ask_once_and_are_told_the_same() -> None:
    async def scene() -> None:
        readers = Readers()
        await settle(readers.clock)
        await readers.log.append([(0, readers.found[0])])
        one, two, three = await asyncio.gather(*readers.tasks)
        assert [one[0].position] == [each.position for each in readers.found[:1]]
        assert one[0] is two[0] is three[0]
        assert readers.log.asked == 1

    asyncio.run(scene())


def test_who_is_late_is_told_what_the_others_were_told_and_then_what_came_since() -> None:
    async def scene() -> None:
        readers = Readers()
        await settle(readers.clock)
        await readers.log.append([(0, readers.found[0])])
        first, *_ = await asyncio.gather(*readers.tasks)
        await readers.log.append([(0, each) for each in readers.found[1:]])
        assert await readers.read() is first
        rest = await readers.read(first[-1].position)
        assert [each.position for each in rest] == [each.position for each in readers.found[1:]]

    asyncio.run(scene())


def test_where_the_one_who_asks_is_ended_the_others_ask_themselves() -> None:
    async def scene() -> None:
        readers = Readers()
        await settle(readers.clock)
        await crash(readers.tasks[0])
        await settle(readers.clock)
        await readers.log.append([(0, readers.found[0])])
        told = await asyncio.gather(*readers.tasks[1:])
        assert [len(each) for each in told] == [1, 1]

    asyncio.run(scene())


def test_nobody_waits_longer_than_for_one_wait() -> None:
    async def scene() -> None:
        readers = Readers()
        await until(readers.clock, lambda: all(task.done() for task in readers.tasks))
        assert [task.result() for task in readers.tasks] == [[], [], []]
        assert readers.clock.monotonic() <= WAIT + 0.1

    asyncio.run(scene())


def test_who_does_not_wait_is_never_told_what_the_log_has_forgotten() -> None:
    async def scene() -> None:
        readers = Readers(1)
        await readers.log.append([(0, each) for each in readers.found])
        await asyncio.gather(*readers.tasks)
        await readers.log.trim(0, readers.found[1].position)
        assert [each.position for each in await readers.read(wait=0.0)] == [
            each.position for each in readers.found[1:]
        ]

    asyncio.run(scene())


def test_who_does_not_wait_is_not_told_that_there_is_nothing_by_an_older_question() -> None:
    async def scene() -> None:
        readers = Readers(0)
        readers.log.held = asyncio.Event()
        old = asyncio.create_task(readers.read(wait=0.0))
        await settle(readers.clock)
        await readers.log.append([(0, readers.found[0])])
        new = asyncio.create_task(readers.read(wait=0.0))
        await settle(readers.clock)
        readers.log.held.set()
        assert await old == []
        assert [each.position for each in await new] == [readers.found[0].position]

    asyncio.run(scene())


def test_small_entries_take_more_room_than_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST", 10 * pages.AN_ENTRY)
    found = entries(bar_rows(30), range(30))
    shared = Pages()
    first = shared.of(found[0])
    for entry in found[1:]:
        shared.of(entry)
    assert shared.of(found[0]) is not first


def test_units_that_read_together_say_what_each_says_alone() -> None:
    async def scene() -> None:
        together, apart = World(faults=0.1, seed=3), World()
        found = entries(bar_rows(90, 3), range(0, 90, 7))
        for world in (together, apart):
            await world.fill(found)
        ports = together.ports(log=SharedLog(together.log))
        units = []
        for name in ("one", "two", "three"):
            strategy = Stateful()
            strategy.name = name
            units.append(together.unit(strategy, ports=ports))
        await asyncio.gather(*(together.run_to_end(unit) for unit in units))
        alone = await apart.run_to_end(apart.unit(Stateful()))
        assert alone.report().outputs > 0
        assert [unit.report().outputs for unit in units] == [alone.report().outputs] * 3
        said = await together.store.recent_outputs(1_000)
        assert len({each.output.id for each in said}) == 3 * alone.report().outputs

    asyncio.run(scene())
