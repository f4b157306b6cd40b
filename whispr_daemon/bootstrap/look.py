"""Opens what a daemon left or is writing, to be read from another process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store
from whispr_daemon.settings import Settings


def running(settings: Settings) -> Running | None:
    """Return what runs on the data folder, None if nothing does."""
    return DataFolder(settings.data).running()


@asynccontextmanager
async def awake(settings: Settings) -> AsyncIterator[Running | None]:
    """Yield what runs on the data folder; where that is nothing, servers of its own run meanwhile.

    Raises:
        SettingsError: they cannot be started, or a daemon is only starting.
    """
    found, tier = _what_is_there(settings)
    if found or tier == 0 or (settings.postgres.url and settings.redis.url):
        yield found
        return
    from whispr_daemon.bootstrap.look_at_servers import woken

    async with woken(settings) as found:
        yield found


@asynccontextmanager
async def store_to_read(settings: Settings, known: Running | None = None) -> AsyncIterator[Store]:
    """Open the store of the data folder for reading, whether a daemon runs on it or not.

    ``known`` is what runs on it, if that was asked already (see :func:`awake`).

    Raises:
        SettingsError: there is none, or its server does not run.
    """
    found, tier = _what_is_there(settings, known)
    store: Store
    if tier == 0:
        path = settings.data / "store.db"
        if not path.exists():
            raise SettingsError(
                f"data folder {settings.data} holds no store yet; start one with 'whispr run', or "
                "set data (WHISPR_DATA, --data) to the daemon's folder"
            )
        store = await SqliteStore.open(path, readonly=True)
    else:
        from whispr_daemon.bootstrap.look_at_servers import store_of  # clients that take long

        store = await store_of(settings, found)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def log_to_read(
    settings: Settings, partitions: int, known: Running | None = None
) -> AsyncIterator[EventLog]:
    """Open the market log of the data folder for reading, whether a daemon runs on it or not.

    ``known`` is what runs on it, if that was asked already (see :func:`awake`).

    Raises:
        SettingsError: there is none, or its server does not run.
    """
    found, tier = _what_is_there(settings, known)
    event_log: EventLog
    if tier == 0:
        path = settings.data / "log.db"
        if not path.exists():
            raise SettingsError(f"data folder {settings.data} holds no market log")
        event_log = await SqliteEventLog.open(path, partitions, readonly=True)
    else:
        from whispr_daemon.bootstrap.look_at_servers import log_of

        event_log = await log_of(settings, found, partitions)
    try:
        yield event_log
    finally:
        await event_log.close()


def tier_of(settings: Settings) -> int:
    """Return the tier of what the data folder holds, or would hold."""
    return _what_is_there(settings)[1]


def _what_is_there(settings: Settings, known: Running | None = None) -> tuple[Running | None, int]:
    found = known or running(settings)
    last = DataFolder(settings.data).tier()
    return found, found.tier if found else settings.tier if last is None else last
