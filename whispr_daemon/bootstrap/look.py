"""Opens what a daemon left or is writing, to be read from another process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.logs.redis import RedisEventLog
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.bootstrap.servers import server_at
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store
from whispr_daemon.settings import Settings


def running(settings: Settings) -> Running | None:
    """Return what runs on the data folder, None if nothing does."""
    return DataFolder(settings.data).running()


@asynccontextmanager
async def store_to_read(settings: Settings) -> AsyncIterator[Store]:
    """Open the store of the data folder for reading, whether a daemon runs on it or not.

    Raises:
        SettingsError: there is none, or its server does not run.
    """
    found = running(settings)
    last = DataFolder(settings.data).tier()
    tier = found.tier if found else settings.tier if last is None else last
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
        server = server_at(settings.postgres) or _own(settings.data, found)
        store = await PostgresStore.open(server.url, server.password)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def log_to_read(settings: Settings, partitions: int) -> AsyncIterator[EventLog]:
    """Open the market log of the data folder for reading, whether a daemon runs on it or not.

    Raises:
        SettingsError: there is none, or its server does not run.
    """
    found = running(settings)
    last = DataFolder(settings.data).tier()
    tier = found.tier if found else settings.tier if last is None else last
    event_log: EventLog
    if tier == 0:
        path = settings.data / "log.db"
        if not path.exists():
            raise SettingsError(f"data folder {settings.data} holds no market log")
        event_log = await SqliteEventLog.open(path, partitions)
    else:
        server = server_at(settings.redis) or _own_redis(settings.data, found)
        prefix = settings.redis.prefix
        event_log = await RedisEventLog.open(server.url, server.password, prefix, partitions)
    try:
        yield event_log
    finally:
        await event_log.close()


def _own_redis(data: Path, found: Running | None) -> Server:
    """Return the Valkey that a running daemon started for itself."""
    if found is None:
        raise SettingsError(
            f"no daemon runs on data folder {data}, so neither does its Valkey; start it with "
            "'whispr run --tier 1', or set redis.url to a server that runs"
        )
    return Server(found.redis_url, _password(data, "valkey", "redis"))


def _own(data: Path, found: Running | None) -> Server:
    """Return the Postgres that a running daemon started for itself."""
    if found is None:
        raise SettingsError(
            f"no daemon runs on data folder {data}, so neither does its Postgres; start it with "
            "'whispr run --tier 1', or set postgres.url to a server that runs"
        )
    return Server(found.postgres_url, _password(data, "postgres", "postgres"))


def _password(data: Path, folder: str, setting: str) -> str:
    try:
        return (data / folder / "password").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"the password of the {folder.capitalize()} of data folder {data} cannot be read: "
            f"{error.strerror}; set {setting}.url and {setting}.password_file as the daemon has "
            "them"
        ) from error
