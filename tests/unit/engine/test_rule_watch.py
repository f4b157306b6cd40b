"""An edit is followed when it is over, once, and by a thread that stops nobody."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.simulation.faults import Figures, crash
from tests.simulation.memory_store import MemoryStore
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.engine.rule_watch import Prepared, RuleWatch


class Bench:
    """Files that are one text; ``bad`` is refused, what was before stays; ``bang`` breaks it."""

    def __init__(self) -> None:
        self.text = "one"
        self.looks = 0
        self.prepared: list[bytes] = []

    def look(self) -> str:
        self.looks += 1
        return self.text

    def prepare(self, before: bytes) -> Prepared:
        self.prepared.append(before)
        if "bang" in self.text:
            raise ZeroDivisionError
        if "bad" in self.text:
            return Prepared(body=before + b"!", refused=("a.yaml:1:2: E101 bad",))
        body = self.text.strip().encode()
        return Prepared(body=None if body == before else body)


class Stage:
    """A watch over a bench."""

    def __init__(self) -> None:
        self.bench, self.store = Bench(), MemoryStore()
        self.clock, self.figures = ManualClock(), Figures()
        self.told: list[int] = []
        watch = RuleWatch(self.bench, "one", self.store, self.clock, self.figures, self.told.append)
        self.task = asyncio.ensure_future(watch.run())

    async def looks(self, count: int) -> None:
        """Let it look some more times, and do what comes of it."""
        for _ in range(count):
            wanted = self.bench.looks + 1
            while self.clock.next_wake is None:
                await self.clock.sleep(0)
            self.clock.advance(0.3)
            while self.bench.looks < wanted or self.clock.next_wake is None:
                await self.clock.sleep(0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A watch that runs."""
    made = Stage()
    await made.store.add_change(b"one")
    yield made
    await crash(made.task)


async def test_what_nobody_edits_is_looked_at_and_no_more(stage: Stage) -> None:
    await stage.looks(5)
    assert (stage.bench.prepared, stage.told) == ([], [])


async def test_an_edit_is_followed_once_two_looks_agree(stage: Stage) -> None:
    stage.bench.text = "tw"
    await stage.looks(1)
    stage.bench.text = "two"
    await stage.looks(1)
    assert stage.bench.prepared == []
    await stage.looks(4)
    assert stage.bench.prepared == [b"one"]
    assert stage.told == [2]
    assert [each.body for each in await stage.store.changes(9)] == [b"one", b"two"]


async def test_what_says_the_same_is_no_change(stage: Stage) -> None:
    stage.bench.text = "one "
    await stage.looks(4)
    assert (stage.bench.prepared, stage.told) == ([b"one"], [])


async def test_a_refusal_is_counted_and_goes_into_the_log_as_a_change(stage: Stage) -> None:
    stage.bench.text = "bad"
    await stage.looks(4)
    assert stage.told == [2]
    assert stage.figures.counts["whispr_rule_refusals"] == 1


async def test_whatever_goes_wrong_with_an_edit_the_next_one_is_followed(stage: Stage) -> None:
    stage.bench.text = "bang"
    await stage.looks(4)
    assert stage.told == []
    assert stage.figures.counts["whispr_rule_refusals"] == 1
    stage.bench.text = "two"
    await stage.looks(4)
    assert stage.told == [2]


async def test_an_edit_taken_back_before_it_was_over_is_none(stage: Stage) -> None:
    stage.bench.text = "two"
    await stage.looks(1)
    stage.bench.text = "one"
    await stage.looks(4)
    assert stage.bench.prepared == []
