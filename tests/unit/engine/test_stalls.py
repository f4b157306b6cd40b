"""A unit that stopped the loop too often of late is in quarantine before anything starts."""

from structlog.testing import capture_logs

from tests.simulation.faults import Figures
from tests.simulation.memory_store import MemoryStore
from tests.simulation.parts import World
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.stall import Stall
from whispr_daemon.engine.stalls import take_out
from whispr_daemon.engine.watch import Patience

PATIENCE = Patience(deaths=3, within_seconds=600.0)
NANOS = 1_000_000_000
NOW = 10_000 * NANOS


def stalls(task: str, *ago: float) -> list[Stall]:
    """Return stalls so many seconds ago, each at another place."""
    return [
        Stall(
            task=task,
            position=Position(1, number),
            seconds=15.2,
            where="spin.py:6 in Spin.on_event",
            at=NOW - round(each * NANOS),
        )
        for number, each in enumerate(ago)
    ]


async def claimed(*units: str) -> MemoryStore:
    store = World().store
    for unit in units:
        await store.claim(unit, 0, "somebody", ORIGIN)
    return store


async def test_one_too_many_is_a_quarantine_and_the_count_begins_anew() -> None:
    store, figures = await claimed("spin/0", "calm/0"), Figures()
    found = [*stalls("spin/0", 100, 50, 1), *stalls("calm/0", 80, 2)]
    with capture_logs():
        left = await take_out(found, store, figures, NOW, PATIENCE)
    (held,) = await store.quarantined()
    assert (held.unit_id, held.position) == ("spin/0", Position(1, 2))
    assert held.reason == (
        "it stopped the event loop 3 times, for 15 s each, so that nothing else went on; last at "
        "position 1-2 (spin.py:6 in Spin.on_event)"
    )
    assert left == tuple(stalls("calm/0", 80, 2))
    assert await take_out(left, store, figures, NOW, PATIENCE) == left


async def test_those_that_are_long_ago_do_not_count() -> None:
    store = await claimed("spin/0")
    left = await take_out(stalls("spin/0", 601, 50, 1), store, Figures(), NOW, PATIENCE)
    assert left == tuple(stalls("spin/0", 601, 50, 1)[1:])
    assert await store.quarantined() == ()


async def test_what_is_no_unit_stays_and_is_counted() -> None:
    store, figures = await claimed("spin/0"), Figures()
    left = await take_out(stalls("ingest", 3, 2, 1), store, figures, NOW, PATIENCE)
    assert left == tuple(stalls("ingest", 3, 2, 1))
    assert await store.quarantined() == ()
