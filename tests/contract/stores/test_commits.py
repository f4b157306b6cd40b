"""A unit has one owner, and what its store acknowledged is kept, once."""

import asyncio

import pytest

from tests.contract.stores.parts import Unit, at, signal
from whispr_daemon.domain.errors import Fatal, Poison, StaleCommit
from whispr_daemon.domain.outputs import Alert, Sealer
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import Commit, Store

# Claims


async def test_the_first_claim_starts_a_unit_where_it_was_told_to(store: Store) -> None:
    claim = await store.claim("ema/3", 3, "me", Position(2, 5))

    assert claim.snapshot is None
    mark = claim.mark
    assert (mark.epoch, mark.start, mark.wm) == (1, Position(2, 5), Position(2, 5))
    assert (mark.out_seq, mark.out_hash) == (0, "")


async def test_a_later_claim_raises_the_epoch_and_keeps_the_place(unit: Unit) -> None:
    await unit.say(signal("a"), signal("b"))

    claim = await unit.store.claim(unit.name, 0, "another", Position(9, 9))

    mark = claim.mark
    assert (mark.epoch, mark.start, mark.wm) == (unit.epoch + 1, ORIGIN, unit.wm)
    assert (mark.out_seq, mark.out_hash) == (2, unit.out_hash)


async def test_claims_at_the_same_time_get_different_epochs(store: Store) -> None:
    claims = await asyncio.gather(*(store.claim("u/0", 0, f"{n}", ORIGIN) for n in range(8)))

    assert sorted(claim.mark.epoch for claim in claims) == list(range(1, 9))


async def test_an_owner_whose_unit_was_claimed_commits_nothing_more(unit: Unit) -> None:
    await unit.store.claim(unit.name, 0, "another", ORIGIN)

    with pytest.raises(StaleCommit, match="rules/0: no unit of epoch 1 at 0-0"):
        await unit.say(signal("a"), snapshot=b"state")

    assert await unit.store.outputs({}, 10) == []
    assert (await unit.store.mark(unit.name)).epoch == 2
    assert await unit.claim() is None


# Commits


async def test_a_commit_moves_the_mark_and_stores_the_outputs_word_for_word(unit: Unit) -> None:
    alert = Sealer("rule", "1").seal(Alert(message="Grüße 👋", severity="warn"), 5)
    said = (signal("a"), alert)

    await unit.say(*said)

    mark = await unit.store.mark(unit.name)
    assert (mark.wm, mark.out_seq, mark.out_hash) == (at(1), 2, unit.out_hash)
    stored = await unit.store.outputs({}, 10)
    assert [each.output for each in stored] == list(said)
    assert [(each.unit_id, each.out_seq) for each in stored] == [("rules/0", 1), ("rules/0", 2)]
    assert all(each.created > 1_700_000_000_000_000_000 for each in stored)


async def test_a_commit_may_have_neither_outputs_nor_a_new_position(unit: Unit) -> None:
    await unit.say()
    again = unit.next(snapshot=b"state")
    stopped = Commit(
        unit_id=unit.name,
        epoch=unit.epoch,
        old=unit.wm,
        new=unit.wm,
        out_seq=0,
        out_hash="",
        snapshot=again.snapshot,
    )

    await unit.store.commit(stopped)
    await unit.store.commit(stopped)

    assert (await unit.store.mark(unit.name)).wm == at(1)
    assert await unit.claim() == again.snapshot


async def test_the_same_commit_sent_twice_is_stale_and_the_mark_tells_that_it_happened(
    unit: Unit,
) -> None:
    commit = await unit.say(signal("a"))

    with pytest.raises(StaleCommit):
        await unit.store.commit(commit)

    mark = await unit.store.mark(unit.name)
    assert (mark.epoch, mark.wm) == (commit.epoch, commit.new)
    assert len(await unit.store.outputs({}, 10)) == 1


async def test_an_id_already_taken_is_named_and_nothing_of_the_commit_stays(unit: Unit) -> None:
    taken = signal("a")
    await unit.say(taken)

    with pytest.raises(Poison, match=taken.id):
        await unit.say(signal("b"), taken, snapshot=b"state")

    assert (await unit.store.mark(unit.name)).wm == at(1)
    assert [each.output.name for each in await unit.store.outputs({}, 10)] == ["a"]
    await unit.say(signal("b"))


async def test_an_id_taken_by_another_unit_is_named(unit: Unit) -> None:
    other = Unit(unit.store, "other/0")
    await other.claim()
    await other.say(signal("a"))

    with pytest.raises(Poison, match=f"rules/0: output id {signal('a').id}"):
        await unit.say(signal("a"))


async def test_an_id_twice_in_one_commit_is_named(unit: Unit) -> None:
    with pytest.raises(Poison, match=signal("a").id):
        await unit.say(signal("b"), signal("a"), signal("a"))

    assert await unit.store.outputs({}, 10) == []


async def test_outputs_that_would_leave_a_gap_are_refused(unit: Unit) -> None:
    unit.out_seq = 5

    with pytest.raises(Fatal, match="counts its newest output as 6, after those stored it is 1"):
        await unit.say(signal("a"))

    assert (await unit.store.mark(unit.name)).wm == ORIGIN


async def test_the_mark_of_a_unit_never_claimed_is_refused(store: Store) -> None:
    with pytest.raises(Fatal, match="no unit 'nobody/0'"):
        await store.mark("nobody/0")


async def test_marks_are_those_of_all_units(unit: Unit) -> None:
    other = Unit(unit.store, "other/1")
    await other.claim(start=at(4))
    await unit.say()

    marks = await unit.store.marks()

    assert {name: mark.wm for name, mark in marks.items()} == {"rules/0": at(1), "other/1": at(4)}
