"""Whoever follows a store at once reads what a new start of it would read, each output once."""

from random import Random

import pytest

from tests.contract.stores.parts import Place, Unit, signal
from whispr_daemon.domain.outputs import Output
from whispr_daemon.ports.store import Store, StoredOutput

UNITS = ("a/0", "a/1", "b/0")


class Follower:
    """Reads on from where it is, as a relay does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cursors: dict[str, int] = {}
        self.read: list[StoredOutput] = []

    async def look(self, limit: int) -> bool:
        """Take what there is, at most so many; return whether there was something."""
        found = await self._store.outputs(self._cursors, limit)
        for each in found:
            assert each.out_seq == self._cursors.get(each.unit_id, 0) + 1
            self._cursors[each.unit_id] = each.out_seq
        self.read += found
        return bool(found)


@pytest.mark.parametrize("seed", range(3))
async def test_who_follows_reads_the_same_as_a_new_start(
    place: Place, store: Store, seed: int
) -> None:
    random = Random(seed)
    units = [Unit(store, name) for name in UNITS]
    for unit in units:
        await unit.claim()
    followers = [Follower(store) for _ in range(2)]
    said = 0
    for _ in range(60):
        if random.random() < 0.5:
            outputs = [_next(said + n) for n in range(random.choice((0, 1, 1, 3)))]
            said += len(outputs)
            await random.choice(units).say(*outputs)
        else:
            await random.choice(followers).look(random.choice((1, 2, 500)))
    for follower in followers:
        while await follower.look(2):
            pass

    anew = await place.open()
    wanted = list(await anew.outputs({}, 1_000))
    await anew.close()

    assert len(wanted) == said > 10
    for follower in followers:
        assert sorted(follower.read, key=lambda one: (one.unit_id, one.out_seq)) == wanted


async def test_what_another_start_has_said_meanwhile_is_not_passed_over(
    place: Place, unit: Unit
) -> None:
    follower = Follower(unit.store)
    await unit.say(signal("one"))
    await follower.look(500)
    other = Unit(await place.open(), unit.name)
    await other.claim()
    await other.say(signal("two"))
    await other.store.close()
    await unit.claim()
    await unit.say(signal("three"))

    while await follower.look(500):
        pass

    assert [each.output.name for each in follower.read] == ["one", "two", "three"]


async def test_who_begins_anew_reads_all_again(unit: Unit) -> None:
    follower, late = Follower(unit.store), Follower(unit.store)
    for name in ("one", "two", "three"):
        await unit.say(signal(name))
        await follower.look(500)

    await late.look(500)

    assert late.read == follower.read
    assert len(late.read) == 3


def _next(number: int) -> Output:
    return signal(f"said {number}")
