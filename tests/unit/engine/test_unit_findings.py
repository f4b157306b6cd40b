"""What a hostile review found in the unit: each test failed when it was written."""

import asyncio

import msgspec
import numpy as np
import pytest
from typing_extensions import override

from tests.simulation.faults import finish, until
from tests.simulation.market import (
    KINDS,
    SYMBOLS,
    ScriptedSource,
    Stateful,
    Tally,
    Unwritten,
    Written,
    bar_rows,
    entries,
)
from tests.simulation.parts import World
from whispr_daemon.domain.batch import Batch, empty_rows
from whispr_daemon.domain.errors import Fatal, LogWentBack
from whispr_daemon.domain.events import ClockTick, MarketEvent
from whispr_daemon.domain.outputs import Alert, Output, Signal
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.unit import HostSpec
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.ports.event_log import Entry


class Moody(Unwritten):
    """It says another price each time it is built: it reads what is not in the log."""

    built = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).built += 1
        self.mood = float(type(self).built)

    @override
    def on_event(self, event: MarketEvent) -> list[Output]:
        return [msgspec.structs.replace(each, price=self.mood) for each in super().on_event(event)]


class Chatty(Unwritten):
    """It says more each time it is built."""

    built = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).built += 1
        self.more = type(self).built

    @override
    def on_event(self, event: MarketEvent) -> list[Output]:
        return super().on_event(event) * self.more


@pytest.mark.parametrize("strategy", [Moody, Chatty])
async def test_a_unit_that_replays_differently_is_quarantined_and_its_mark_stays(
    strategy: type[Moody] | type[Chatty],
) -> None:
    world = World()
    await world.fill(entries(bar_rows(30), range(0, 30, 5)))
    await world.run_to_end(world.unit(strategy()))
    mark = await world.store.mark(f"{strategy.name}/0")

    for _ in range(2):  # the second start must find the same difference again
        unit = await world.run_to_end(world.unit(strategy()))
        assert unit.report().state == "quarantined"
        assert "replayed differently" in unit.report().reason
        found = await world.store.mark(f"{strategy.name}/0")
        assert (found.wm, found.out_seq, found.out_hash) == (mark.wm, mark.out_seq, mark.out_hash)


async def test_a_unit_whose_snapshot_cannot_be_restored_is_quarantined_and_its_mark_stays() -> None:
    class Other(msgspec.Struct):
        seen: int = 0

    class Changed(Stateful):
        def __init__(self) -> None:
            self.state = Other()  # type: ignore[assignment]

    world = World()
    await world.fill(entries(bar_rows(30), range(0, 30, 5)))
    await world.run_to_end(world.unit(Stateful()))
    mark = await world.store.mark("stateful/0")

    unit = await world.run_to_end(world.unit(Changed(), code="2"))

    assert unit.report().state == "quarantined"
    found = await world.store.mark("stateful/0")
    assert (found.out_seq, found.out_hash) == (mark.out_seq, mark.out_hash)


async def test_a_log_that_lost_its_end_is_noticed_though_a_new_ingest_has_fenced_it() -> None:
    found = entries(bar_rows(30), range(0, 30, 5))
    world = World()
    await world.fill(found)
    await world.run_to_end(world.unit(Unwritten()))

    back = World()
    back.store = world.store
    await back.fill([*found[:3], Entry(position=Position(2, 0), rows=empty_rows(0))])

    with pytest.raises(LogWentBack):
        await finish(back.clock, back.unit(Unwritten()).run())


async def test_a_log_that_lost_its_end_is_noticed_by_a_unit_with_a_snapshot_at_its_mark() -> None:
    found = entries(bar_rows(30), range(0, 30, 5))
    world = World()
    await world.fill(found)
    await world.run_to_end(world.unit(Stateful()))

    back = World()
    back.store = world.store
    again = entries(bar_rows(30)[15:], (), epoch=2)  # one entry straddles the unit's mark
    await back.fill([*found[:3], *again])

    unit = back.unit(Stateful())
    unit.stop()
    with pytest.raises(LogWentBack):
        await finish(back.clock, unit.run())


async def test_a_unit_created_late_starts_though_the_log_was_trimmed_past_its_start() -> None:
    world = World()
    found = entries(bar_rows(30), range(0, 30, 5))
    await world.fill(found)
    start = found[2].position
    await world.store.claim("unwritten/0", 0, "died at once", start)
    await world.log.trim(0, found[4].position)

    unit = await world.run_to_end(world.unit(Unwritten(), start=start))

    assert unit.report().state == "stopped"


def _bad_outputs() -> dict[str, Output]:
    class Special(Signal, frozen=True, kw_only=True):
        extra: int = 1

    return {
        "numpy price": Signal(name="x", price=np.float64(1.5)),
        "numpy in data": Signal(name="x", data={"rsi": np.float64(1.5)}),
        "direction nobody knows": Signal(name="x", direction="sideways"),  # type: ignore[arg-type]
        "price as text": Signal(name="x", price="12"),  # type: ignore[arg-type]
        "a signal of its own": Special(name="x"),
        "half a character": Signal(name="x", data={"text": "\ud800"}),
    }


@pytest.mark.parametrize("what", _bad_outputs())
async def test_an_output_that_cannot_be_stored_and_read_back_quarantines_its_unit(
    what: str,
) -> None:
    class Bad(Stateful):
        @override
        def on_event(self, event: MarketEvent) -> list[Output]:
            return [_bad_outputs()[what]]

    world = World()
    await world.fill(entries(bar_rows(5), (2,)))

    unit = await world.run_to_end(world.unit(Bad()))

    assert unit.report().state in ("quarantined", "stopped")
    await world.outputs()  # whatever was committed can be read back by the relay


class Unsaveable(Written):
    """Its snapshot fails."""

    @override
    def snapshot(self) -> bytes:
        raise RuntimeError("no space in my head")


class Texting(Written):
    """Its snapshot is text."""

    @override
    def snapshot(self) -> bytes:
        return "my state"  # type: ignore[return-value]


class Unencodable(Stateful):
    """Its state holds what msgpack cannot write."""

    @override
    def on_event(self, event: MarketEvent) -> list[Output]:
        self.state.seen = {"SPY": object()}  # type: ignore[dict-item]
        return []


@pytest.mark.parametrize("strategy", [Unsaveable, Texting, Unencodable])
async def test_a_strategy_that_cannot_write_its_snapshot_stops_only_its_own_unit(
    strategy: type[Written] | type[Stateful],
) -> None:
    world = World()
    await world.fill(entries(bar_rows(30), range(0, 30, 5)))
    bad, good = world.unit(strategy()), world.unit(Unwritten())
    spec = HostSpec(host_id="one", units=(bad.spec, good.spec))
    built = {each.spec: each for each in (bad, good)}
    host = Host(spec, built.__getitem__, world.clock, world.figures)
    running = asyncio.ensure_future(host.run())

    await until(world.clock, lambda: bad.report().state == "quarantined" or running.done())
    host.stop()
    await finish(world.clock, running)

    assert bad.report().state == "quarantined"
    assert good.report().state == "stopped"


class Columnar:
    """It looks at the last row of each batch, as a columnar strategy may."""

    name = "columnar"
    version = "1"

    def __init__(self) -> None:
        self.state = Tally()

    def on_batch(self, batch: Batch) -> list[Output]:
        self.state.ticks = int(batch.rows["ts"][-1])
        return []


async def test_a_columnar_strategy_is_not_given_a_fence_to_fold() -> None:
    world = World()
    fence = Entry(position=Position(1, 0), rows=empty_rows(0))
    await world.fill([fence, *entries(bar_rows(5), ())])

    unit = await world.run_to_end(world.unit(Columnar()))

    assert unit.report().reason == ""
    assert unit.report().state == "stopped"


async def test_a_strategy_whose_warmup_fails_can_still_be_asked_how_it_stands() -> None:
    class Cold(Stateful):
        def warmup(self) -> dict[str, str]:
            raise KeyError("SPY")

    unit = World().unit(Cold())

    assert "SPY" in str(unit.report().warmup)


async def test_a_strategy_that_no_longer_writes_its_state_takes_over_from_one_that_did() -> None:
    class Forgetful(Unwritten):
        name = "stateful"

    world = World()
    found = entries(bar_rows(60), range(0, 60, 5))
    await world.fill(found[:6])
    await world.run_to_end(world.unit(Stateful()))
    await world.fill(found[6:])

    unit = await world.run_to_end(world.unit(Forgetful(), code="2"))
    assert unit.report().state == "stopped", unit.report().reason
    again = await world.run_to_end(world.unit(Forgetful(), code="2"))
    assert again.report().state == "stopped", again.report().reason

    whole = World()
    await whole.fill(found)
    await whole.run_to_end(whole.unit(Stateful()))
    assert await world.outputs() == await whole.outputs()


@pytest.mark.parametrize("strategy", KINDS)
async def test_an_id_taken_by_another_quarantines_even_while_a_failure_is_handled(
    strategy: type[Stateful],
) -> None:
    class Twice(strategy):  # type: ignore[misc,valid-type]
        """Says what another unit has said, then fails in the next entry."""

        def on_event(self, event: MarketEvent) -> list[Output]:
            if event.ts_event >= int(bar_rows(6)["ts"][5]):
                raise ValueError("enough")
            return [Signal(name="same", origin="o", version="1", instrument="I", ts_event=7)]

    class Other(Twice):
        name = "other"

    world = World()
    await world.fill(entries(bar_rows(1), ()))
    await world.run_to_end(world.unit(Other()))
    await world.fill(entries(bar_rows(6)[1:], (4,), epoch=2))

    unit = await world.run_to_end(world.unit(Twice()))

    assert unit.report().state == "quarantined"


async def test_a_unit_created_beyond_the_end_of_the_log_refuses() -> None:
    world = World()
    await world.fill(entries(bar_rows(5), ()))
    with pytest.raises(Fatal):
        await finish(
            world.clock,
            world.unit(Stateful(), start=Position(9, 9)).run(),
        )


class Bell(Stateful):
    """It tells the time, and names no instrument."""

    @override
    def on_event(self, event: MarketEvent) -> list[Output]:
        return [Alert(message="ding")] if isinstance(event, ClockTick) else []


async def test_a_strategy_on_two_partitions_may_answer_the_same_clock_tick() -> None:
    world = World(partitions=2)
    source = ScriptedSource(bar_rows(8, symbols=2), SYMBOLS, world.clock)
    await finish(
        world.clock, Ingest(source, world.log, world.store, world.clock, world.figures).run()
    )
    for partition in range(2):
        unit = world.unit(Bell(), partition=partition)
        await world.run_to_end(unit, partition)
        assert unit.report().state == "stopped", unit.report().reason
