"""Opens what servers hold of a data folder, to be read from another process."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.logs.redis import RedisEventLog
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.postgres_image import PostgresImages
from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.bootstrap.servers import server_at, servers_of
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store
from whispr_daemon.settings import Settings


async def store_of(settings: Settings, found: Running | None) -> Store:
    """Open the Postgres of the settings, or the one that a running daemon started for itself.

    Raises:
        SettingsError: it does not run.
    """
    server = server_at(settings.postgres) or _own(settings.data, found)
    return await PostgresStore.open(server.url, server.password)


async def images_of(settings: Settings, found: Running | None) -> PostgresImages:
    """Open the same Postgres to be copied.

    Raises:
        SettingsError: it does not run.
    """
    server = server_at(settings.postgres) or _own(settings.data, found)
    return await PostgresImages.open(server.url, server.password)


async def log_of(settings: Settings, found: Running | None, partitions: int) -> EventLog:
    """Open the Redis of the settings, or the Valkey that a running daemon started for itself.

    Raises:
        SettingsError: it does not run.
    """
    server = server_at(settings.redis) or _own_redis(settings.data, found)
    prefix = settings.redis.prefix
    return await RedisEventLog.open(server.url, server.password, prefix, partitions)


@asynccontextmanager
async def woken(settings: Settings) -> AsyncIterator[Running]:
    """Start the servers of a data folder that rests; no daemon can start on it meanwhile.

    Raises:
        SettingsError: a daemon is only starting, or none has ever run here, or the folder is
            another user's: its servers would leave files that the daemon could not read.
    """
    folder = DataFolder(settings.data)
    if folder.held():
        raise _not_there(settings.data, "Postgres", "postgres.url")
    if folder.tier() is None:
        raise SettingsError(
            f"data folder {settings.data} holds nothing yet; start a daemon with 'whispr run', or "
            "set data (WHISPR_DATA, --data) to the daemon's folder"
        )
    owner = folder.path.stat().st_uid
    if owner != os.geteuid():
        raise SettingsError(
            f"data folder {settings.data} belongs to uid {owner}, this is uid {os.geteuid()}, and "
            "the servers in it would have to be started; ask as the user whose daemon it is"
        )
    folder.take()
    try:
        of_servers = settings.model_copy(update={"tier": 1})
        async with servers_of(of_servers, folder.path, lambda _: None) as servers:
            yield Running(
                pid=os.getpid(),
                tier=1,
                health_url="",
                postgres_url=servers.postgres.url,
                redis_url=servers.redis.url,
            )
    finally:
        folder.release()


def _own_redis(data: Path, found: Running | None) -> Server:
    """Return the Valkey that a running daemon started for itself."""
    if found is None:
        raise _not_there(data, "Valkey", "redis.url")
    return Server(found.redis_url, _password(data, "valkey", "redis"))


def _own(data: Path, found: Running | None) -> Server:
    """Return the Postgres that a running daemon started for itself."""
    if found is None:
        raise _not_there(data, "Postgres", "postgres.url")
    return Server(found.postgres_url, _password(data, "postgres", "postgres"))


def _not_there(data: Path, server: str, setting: str) -> SettingsError:
    if DataFolder(data).held():
        return SettingsError(
            f"the daemon is only starting on data folder {data}, and its {server} with it; try "
            "again once 'whispr status' answers"
        )
    return SettingsError(
        f"no daemon runs on data folder {data}, so neither does its {server}; start it with "
        f"'whispr run --tier 1', or set {setting} to a server that runs"
    )


def _password(data: Path, folder: str, setting: str) -> str:
    try:
        return (data / folder / "password").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"the password of the {folder.capitalize()} of data folder {data} cannot be read: "
            f"{error.strerror}; set {setting}.url and {setting}.password_file as the daemon has "
            "them"
        ) from error
