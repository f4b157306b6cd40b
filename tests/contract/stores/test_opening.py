"""What a store kept is there when it is opened again, by a Whispr that can read it."""

import pytest

from tests.contract.stores.parts import Place, Unit, at, signal
from whispr_daemon.domain.errors import Fatal, SettingsError
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.ports.store import DeadLetter, Store


async def test_everything_is_there_after_reopening(place: Place) -> None:
    store = await place.open()
    unit = Unit(store)
    await unit.claim()
    commit = await unit.say(signal("a"), snapshot=b"state")
    await store.register(["SPY"])
    await store.claim_route("console")
    await store.advance_route("console", 1, {unit.name: 1}, "r")
    await store.bury([DeadLetter(source="s", seq=1, reason="r", detail="d")])
    await store.set_desired(b"body")
    outputs = await store.outputs({}, 10)
    await store.close()

    store = await place.open()

    assert await store.outputs({}, 10) == outputs
    assert await store.instruments() == ["SPY"]
    assert (await store.claim_route("console")).cursors == {unit.name: 1}
    assert len(await store.dead_letters(10)) == 1
    assert await store.desired() == b"body"
    claim = await store.claim(unit.name, 0, "me", ORIGIN)
    assert (claim.mark.epoch, claim.mark.wm, claim.snapshot) == (2, at(1), commit.snapshot)
    await store.close()


async def test_data_of_a_newer_whispr_is_refused_naming_both_versions(
    place: Place,
) -> None:
    await (await place.open()).close()
    await place.pretend_version(999)

    with pytest.raises(SettingsError, match=r"is of version 999, this Whispr knows .* up to 2"):
        await place.open()


async def test_a_closed_store_says_so_and_may_be_closed_again(store: Store) -> None:
    await store.close()
    await store.close()

    with pytest.raises(Fatal, match="closed"):
        await store.marks()
