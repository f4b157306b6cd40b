"""Cursors do not wait for the disk, and only they."""

from tests.contract.stores.parts import Postgres, Unit, signal
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.stores.postgres import PostgresStore


async def test_what_follows_a_move_of_cursors_waits_for_the_disk_of_postgres_as_before(
    postgres_server: Server,
) -> None:
    place = Postgres(postgres_server, "store_of_cursors")
    await place.execute(f"CREATE DATABASE {place.name}", url=postgres_server.url)
    store = await place.open()
    assert isinstance(store, PostgresStore)
    unit = Unit(store)
    await unit.claim()
    await store.claim_route("console")
    await unit.say(signal("said"))

    await store.advance_route("console", 1, {unit.name: 1}, "r")

    async with store._pool.connection() as connection:  # the same: there is no other
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
    assert (await store.claim_route("console")).cursors == {unit.name: 1}
    await store.close()
    await place.execute(f"DROP DATABASE {place.name} WITH (FORCE)", url=postgres_server.url)
