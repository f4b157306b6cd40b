"""What a store keeps beside units: of routes, ingests, instruments and rules."""

import asyncio

import pytest

from tests.contract.stores.parts import Place
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.ports.store import DeadLetter, Producer, Store

# Routes


async def test_a_route_goes_on_where_it_was_after_a_new_claim(store: Store) -> None:
    first = await store.claim_route("console")
    assert (first.epoch, first.cursors, first.receipt) == (1, {}, "")
    await store.advance_route("console", 1, {"a/0": 3, "b/0": 1}, "r1")
    await store.advance_route("console", 1, {"b/0": 2}, "r2")

    second = await store.claim_route("console")

    assert (second.epoch, second.cursors, second.receipt) == (2, {"a/0": 3, "b/0": 2}, "r2")
    assert (await store.claim_route("other")).cursors == {}


async def test_cursors_of_a_route_never_go_back(store: Store) -> None:
    await store.claim_route("console")
    await store.advance_route("console", 1, {"a/0": 3}, "r1")
    await store.advance_route("console", 1, {"a/0": 2}, "r1")

    assert (await store.claim_route("console")).cursors == {"a/0": 3}


async def test_a_relay_that_lost_its_route_moves_nothing(store: Store) -> None:
    await store.claim_route("console")
    await store.claim_route("console")

    with pytest.raises(Fenced, match="route console: epoch 1"):
        await store.advance_route("console", 1, {"a/0": 3}, "r1")
    with pytest.raises(Fenced):
        await store.advance_route("nobody's", 1, {"a/0": 3}, "r1")

    route = await store.claim_route("console")
    assert (route.cursors, route.receipt) == ({}, "")


# Producers


async def test_an_ingest_finds_its_marks_and_its_memory_again(store: Store) -> None:
    first = await store.claim_producer("ingest")
    assert (first.epoch, first.marks, first.state) == (1, {}, b"")
    await store.save_producer(
        Producer(producer="ingest", epoch=1, marks={"spy.csv": 10, "qqq": 2}, state=b"\x00m")
    )
    await store.save_producer(
        Producer(producer="ingest", epoch=1, marks={"spy.csv": 2**60}, state=b"\x00n")
    )

    second = await store.claim_producer("ingest")

    assert (second.epoch, second.state) == (2, b"\x00n")
    assert second.marks == {"spy.csv": 2**60, "qqq": 2}


async def test_an_ingest_that_was_replaced_saves_nothing(store: Store) -> None:
    await store.claim_producer("ingest")
    await store.claim_producer("ingest")

    with pytest.raises(Fenced, match="producer ingest: epoch 1"):
        await store.save_producer(
            Producer(producer="ingest", epoch=1, marks={"spy": 1}, state=b"x")
        )

    assert (await store.claim_producer("ingest")).marks == {}


# Instruments


async def test_instruments_get_codes_in_the_order_they_are_first_seen(store: Store) -> None:
    assert await store.instruments() == []
    assert await store.register(["SPY", "QQQ", "SPY"]) == {"SPY": 0, "QQQ": 1}
    assert await store.register(["VIX", "QQQ"]) == {"VIX": 2, "QQQ": 1}
    assert await store.register([]) == {}

    assert await store.instruments() == ["SPY", "QQQ", "VIX"]


async def test_registrations_at_the_same_time_give_one_code_each_without_gaps(
    store: Store,
) -> None:
    lists = [[f"S{(start + step) % 20}" for step in range(10)] for start in range(0, 20, 3)]

    answers = await asyncio.gather(*(store.register(symbols) for symbols in lists))

    instruments = list(await store.instruments())
    assert sorted(instruments) == sorted(f"S{number}" for number in range(20))
    for symbols, codes in zip(lists, answers, strict=True):
        assert codes == {symbol: instruments.index(symbol) for symbol in symbols}


# Dead letters, desired state


async def test_a_dead_letter_is_buried_once(store: Store) -> None:
    letters = [
        DeadLetter(source="spy.csv", seq=seq, reason="nan_price", detail=f"row {seq}")
        for seq in (3, 1, 2)
    ]
    await store.bury(letters)
    await store.bury(letters)
    await store.bury([])

    assert await store.dead_letters(10) == letters
    assert await store.dead_letters(2) == letters[1:]


async def test_what_should_run_is_the_last_thing_said(store: Store) -> None:
    assert await store.desired() is None
    await store.set_desired(b"\x00one")
    await store.set_desired(b"\x00two")

    assert await store.desired() == b"\x00two"


# Changes of the rules


async def test_changes_are_numbered_and_all_are_kept(store: Store) -> None:
    assert await store.changes(5) == []
    assert await store.change(1) is None
    bodies = [f"\x00{number}".encode() for number in range(1, 31)]
    added = [await store.add_change(body) for body in bodies]

    assert [(each.number, each.body) for each in added] == list(enumerate(bodies, start=1))
    assert await store.changes(5) == added[-5:]
    assert await store.change(1) == added[0]
    assert await store.change(31) is None
    assert added[0].created > 1_700_000_000_000_000_000


async def test_the_newest_change_said_again_is_the_same_change(store: Store) -> None:
    first = await store.add_change(b"a")
    assert await store.add_change(b"a") == first
    second = await store.add_change(b"b")

    assert (await store.add_change(b"a")).number == 3  # back to what was before
    assert await store.changes(2) == [second, await store.change(3)]


async def test_changes_added_at_once_get_numbers_of_their_own(place: Place) -> None:
    store = await place.open()
    added = await asyncio.gather(*(store.add_change(bytes([each])) for each in range(8)))
    await store.close()

    store = await place.open()
    assert sorted(each.number for each in added) == list(range(1, 9))
    assert await store.changes(8) == sorted(added, key=lambda each: each.number)
    await store.close()
