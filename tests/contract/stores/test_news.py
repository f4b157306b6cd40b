"""Who delivers what other processes commit hears of it, and loses nothing that was not heard."""

from collections.abc import AsyncIterator
from random import Random
from typing import NamedTuple

import pytest

from tests.contract.stores.parts import Postgres, Unit, signal
from tests.contract.stores.test_newest import Follower
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.stores.news import News
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.domain.outputs import Signal

UNITS = ("a/0", "a/1", "b/0")


class Stage(NamedTuple):
    """A process that commits, one that delivers, and the clock of the latter."""

    place: Postgres
    there: PostgresStore
    said: News
    here: PostgresStore
    heard: News
    clock: ManualClock

    async def unit(self, name: str = "a/0") -> Unit:
        """A unit of the process that commits."""
        claimed = Unit(self.there, name)
        await claimed.claim()
        return claimed


@pytest.fixture
def server(postgres_server: Server) -> Server:
    """One that serves several processes."""
    return postgres_server


@pytest.fixture
async def stage(place: Postgres, server: Server) -> AsyncIterator[Stage]:
    clock = ManualClock()
    said, heard = News(), News(clock)
    there = await PostgresStore.open(place.url, server.password, said)
    here = await PostgresStore.open(place.url, server.password, heard)
    yield Stage(place, there, said, here, heard, clock)
    await there.close()
    await here.close()


async def hide(place: Postgres, *, rows: bool) -> None:
    """Let nobody find outputs in the server, or let them be found again."""
    old, new = ("output", "hidden") if rows else ("hidden", "output")
    await place.execute(f"ALTER TABLE {old} RENAME TO {new}")
    if rows:
        await place.execute("CREATE VIEW output AS SELECT * FROM hidden WHERE false")


async def test_what_was_told_is_delivered_as_the_store_has_it_without_asking(stage: Stage) -> None:
    unit, follower = await stage.unit(), Follower(stage.here)
    assert not await follower.look(500)
    await unit.say(signal("one"), signal("two"), snapshot=b"state")
    await unit.say(signal("three"))

    stage.heard.hear(stage.said.told())
    await hide(stage.place, rows=True)
    await follower.look(500)

    await stage.place.execute("DROP VIEW output")
    await hide(stage.place, rows=False)
    assert follower.read == list(await stage.there.outputs({}, 500))
    assert len(follower.read) == 3


async def test_the_store_is_asked_four_times_a_second_whatever_is_heard(stage: Stage) -> None:
    loud, quiet = await stage.unit("a/0"), await stage.unit("b/0")
    follower = Follower(stage.here)
    await follower.look(500)
    await quiet.say(signal("not told"))
    stage.said.told()
    for number in range(3):
        await loud.say(signal(f"told {number}"))
        stage.heard.hear(stage.said.told())
        stage.clock.advance(0.125)
        await follower.look(500)

    assert "not told" in {each.output.name for each in follower.read}


async def test_more_than_is_told_at_once_is_looked_for(stage: Stage) -> None:
    unit, follower = await stage.unit(), Follower(stage.here)
    await follower.look(500)
    long = [
        Signal(name=f"long {number}", id=f"{number:032}", ts_event=1, data={"said": "x" * 20_000})
        for number in range(5)
    ]
    for each in long:
        await unit.say(each)

    told = stage.said.told()
    stage.heard.hear(told)
    await follower.look(500)

    assert told == b""
    assert [each.output for each in follower.read] == long
    await unit.say(signal("one more"))
    assert stage.said.told() != b"", "it begins anew"


async def test_what_is_not_of_this_program_is_as_good_as_nothing(stage: Stage) -> None:
    unit, follower = await stage.unit(), Follower(stage.here)
    await follower.look(500)
    await unit.say(signal("one"))
    stage.heard.hear(b"another version's news")
    await follower.look(500)
    assert [each.output.name for each in follower.read] == ["one"]


@pytest.mark.parametrize("seed", range(4))
async def test_lost_late_and_repeated_news_changes_nothing_that_is_delivered(
    stage: Stage, seed: int
) -> None:
    random = Random(seed)
    units = [await stage.unit(name) for name in UNITS]
    followers = [Follower(stage.here) for _ in range(2)]
    under_way: list[bytes] = []
    said = 0
    for _ in range(80):
        match random.randrange(4):
            case 0:
                outputs = [signal(f"said {said + n}") for n in range(random.choice((0, 1, 1, 3)))]
                said += len(outputs)
                await random.choice(units).say(*outputs)
            case 1:
                under_way.append(stage.said.told())
            case 2 if under_way:
                told = random.choice(under_way)  # in any order, also what came before, or never
                stage.heard.hear(told)
            case _:
                stage.clock.advance(random.choice((0.0, 0.0, 0.3)))
                await random.choice(followers).look(random.choice((1, 2, 500)))
    for follower in followers:
        while await follower.look(2):
            pass
        stage.clock.advance(0.3)
        while await follower.look(2):
            pass

    wanted = list(await stage.there.outputs({}, 1_000))
    assert len(wanted) == said > 10
    for follower in followers:
        assert sorted(follower.read, key=lambda one: (one.unit_id, one.out_seq)) == wanted
