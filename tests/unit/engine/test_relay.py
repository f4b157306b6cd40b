"""A relay asks once for each nudge, and its cursors follow what was delivered, some at once."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from typing_extensions import override

from tests.simulation.faults import Figures, crash, finish, settle
from tests.simulation.memory_store import MemoryStore
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.outputs import Signal, encode
from whispr_daemon.engine.relay import Relay
from whispr_daemon.ports.store import StoredOutput


class Looked(MemoryStore):
    """A store that notes what a relay does with it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.moves: list[tuple[Mapping[str, int], str]] = []

    def say(self, unit_id: str, name: str) -> None:
        """Have one more output of a unit."""
        said = Signal(name=name, ts_event=1, id=f"{unit_id} {name}")
        self.said.setdefault(unit_id, []).append(encode(said))

    @override
    async def outputs(self, after: Mapping[str, int], limit: int) -> Sequence[StoredOutput]:
        self.asked += 1
        return await super().outputs(after, limit)

    @override
    async def advance_route(
        self, route: str, epoch: int, cursors: Mapping[str, int], receipt: str
    ) -> None:
        await super().advance_route(route, epoch, cursors, receipt)
        self.moves.append((cursors, receipt))


class Kept:
    """An outlet whose receipt is how much it was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.away = False

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        return ()

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        if self.away:
            raise Transient("nobody is there")
        self.sent += [each.output.id for each in outputs]
        return str(len(self.sent))

    async def close(self) -> None:
        """Nothing is held."""


class Stage:
    """A relay at work."""

    def __init__(self) -> None:
        self.clock, self.store, self.outlet = ManualClock(), Looked(), Kept()
        self.relay = Relay("r", self.outlet, self.store, self.clock, Figures())

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.relay.run())
        try:
            await settle(self.clock)
            yield task
        finally:
            await crash(task)

    async def say(self, unit_id: str, name: str) -> None:
        """Say something that the relay is told of."""
        self.store.say(unit_id, name)
        self.relay.nudge()
        await settle(self.clock)


async def test_cursors_follow_what_was_delivered_those_of_several_sends_at_once() -> None:
    stage = Stage()
    async with stage.at_work():
        for unit_id, name in (("a/0", "one"), ("b/0", "two"), ("a/0", "three")):
            await stage.say(unit_id, name)
        assert stage.outlet.sent == ["a/0 one", "b/0 two", "a/0 three"]
        assert stage.store.moves == []

        stage.clock.advance(0.05)
        await settle(stage.clock)
        assert stage.store.moves == [({"a/0": 2, "b/0": 1}, "3")]

        await stage.say("b/0", "four")
        stage.clock.advance(0.05)
        await settle(stage.clock)
        assert stage.store.moves[1:] == [({"b/0": 2}, "4")]


async def test_who_delivers_without_a_pause_moves_its_cursors_meanwhile() -> None:
    stage = Stage()
    async with stage.at_work():
        for number in range(10):
            await stage.say("a/0", str(number))
            stage.clock.advance(0.02)
            await settle(stage.clock)
    assert 3 <= len(stage.store.moves) <= 4


async def test_a_relay_that_is_drained_moves_its_cursors_before_it_ends() -> None:
    stage = Stage()
    async with stage.at_work() as task:
        await stage.say("a/0", "one")
        stage.relay.drain()
        await finish(stage.clock, task)
    assert stage.store.moves == [({"a/0": 1}, "1")]


async def test_cursors_follow_also_where_the_outlet_is_away_then() -> None:
    stage = Stage()
    async with stage.at_work():
        await stage.say("a/0", "one")
        stage.outlet.away = True
        await stage.say("a/0", "two")
        assert stage.store.moves == [({"a/0": 1}, "1")]


async def test_what_a_relay_that_is_drained_has_delivered_is_known_though_the_rest_is_not() -> None:
    stage = Stage()
    async with stage.at_work() as task:
        await stage.say("a/0", "one")
        stage.outlet.away = True
        stage.store.say("a/0", "two")
        stage.relay.drain()
        await finish(stage.clock, task)
    assert stage.store.moves == [({"a/0": 1}, "1")]


async def test_after_a_delivery_nobody_asks_for_more_until_told_or_some_time_has_passed() -> None:
    stage = Stage()
    async with stage.at_work():
        assert stage.store.asked == 1
        await stage.say("a/0", "one")
        assert stage.store.asked == 2

        stage.store.say("a/0", "of which nobody tells")
        await settle(stage.clock)
        assert stage.store.asked == 2
        for _ in range(2):
            stage.clock.advance(0.25)
            await settle(stage.clock)
        assert stage.outlet.sent == ["a/0 one", "a/0 of which nobody tells"]
