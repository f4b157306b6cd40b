"""The units of a data folder, as its store has them, and the end of a quarantine."""

from collections.abc import Mapping

from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.desired import decode
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.bootstrap.look import store_to_read
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.notices import SPEAKER
from whispr_daemon.ports.store import Quarantine, UnitMark
from whispr_daemon.settings import Settings


class StoredUnit(Value, frozen=True, kw_only=True):
    """A unit as the store has it."""

    unit_id: str
    host_id: str = ""  # empty: none is to run it any more
    mark: UnitMark | None = None  # None: it was never at work
    held: Quarantine | None = None

    @property
    def partition(self) -> int:
        """The partition it reads."""
        return int(self.unit_id.rpartition("/")[2])


async def stored_units(settings: Settings) -> Mapping[str, StoredUnit]:
    """Return all units that ran or should run, by name and in its order.

    Raises:
        SettingsError: there is no store to read.
    """
    async with store_to_read(settings) as store:
        marks, body = await store.marks(), await store.desired()
        held = {each.unit_id: each for each in await store.quarantined()}
    hosts = decode(body).hosts if body else ()
    placed = {unit.unit_id: host.host_id for host in hosts for unit in host.units}
    return {
        unit: StoredUnit(
            unit_id=unit,
            host_id=placed.get(unit, ""),
            mark=marks.get(unit),
            held=held.get(unit),
        )
        for unit in sorted({*marks, *placed} - {SPEAKER})
    }


async def release_at_rest(settings: Settings, unit_id: str) -> bool:
    """End a quarantine in the store while no daemon runs; False if there was none.

    Raises:
        SettingsError: a daemon has started meanwhile, or the store's server does not run.
    """
    folder = DataFolder(settings.data)
    tier = folder.tier()
    if settings.tier if tier is None else tier:
        async with store_to_read(settings) as servers:  # a Postgres has as many writers as it likes
            return await servers.release(unit_id)
    folder.take()  # SQLite has one writer: none may start meanwhile
    try:
        store = await SqliteStore.open(settings.data / "store.db")
        try:
            return await store.release(unit_id)
        finally:
            await store.close()
    finally:
        folder.release()
