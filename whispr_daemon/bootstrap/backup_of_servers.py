"""Archives of what Postgres and Redis hold, and servers filled from an archive."""

from contextlib import AsyncExitStack
from pathlib import Path

from whispr_daemon.adapters.logs.redis import RedisEventLog
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.sqlite_copy import settle
from whispr_daemon.adapters.stores.postgres_image import PostgresImages
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.adapters.stores.sqlite_image import SqliteImages
from whispr_daemon.bootstrap.archive import LOG, STORE
from whispr_daemon.bootstrap.desired import decode
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.bootstrap.look import awake, log_to_read, store_to_read
from whispr_daemon.bootstrap.look_at_servers import images_of
from whispr_daemon.bootstrap.servers import Tell, servers_of
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.engine.copying import Blank, Original, Told, copy, restore
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store
from whispr_daemon.settings import Settings


async def archive(settings: Settings, made: Path, told: Told) -> None:
    """Copy what the servers hold to files in a folder; a daemon may be running on them.

    Raises:
        SettingsError: a server does not run, or no daemon has run on it.
        Transient: a server is away.
    """
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(awake(settings))
        store = await stack.enter_async_context(store_to_read(settings, running))
        partitions = await _partitions(store, f"data folder {settings.data}")
        log = await stack.enter_async_context(log_to_read(settings, partitions, running))
        images = await images_of(settings, running)
        stack.push_async_callback(images.close)
        copied = await SqliteImages.open(made / STORE)
        stack.push_async_callback(copied.close)
        copied_log = await SqliteEventLog.open(made / LOG, partitions)
        stack.push_async_callback(copied_log.close)
        await copy(Original(log, images), Blank(copied_log, copied), told)
    settle(made / STORE)
    settle(made / LOG)


async def fill(settings: Settings, source: Path, store: Path, told: Told, tell: Tell) -> None:
    """Fill the servers of the settings, or new ones of the data folder.

    Args:
        settings: of tier 1.
        source: the archive.
        store: a copy of its store, of today's tables.
        told: told how far it is.
        tell: told what is being started.

    Raises:
        SettingsError: a server cannot be had, or is not empty.
        UnsafeServer: a server would lose acknowledged writes as it is set.
        Transient: a server is away.
    """
    async with AsyncExitStack() as stack:
        folder = DataFolder(settings.data).path
        servers = await stack.enter_async_context(servers_of(settings, folder, tell))
        stored = await SqliteStore.open(store)
        stack.push_async_callback(stored.close)
        partitions = await _partitions(stored, f"backup {source}")
        images = await SqliteImages.open(store)
        stack.push_async_callback(images.close)
        log = await SqliteEventLog.open(source / LOG, partitions, readonly=True)
        stack.push_async_callback(log.close)
        postgres = await PostgresImages.open(servers.postgres.url, servers.postgres.password)
        stack.push_async_callback(postgres.close)
        redis, prefix = servers.redis, settings.redis.prefix
        market = await RedisEventLog.open(redis.url, redis.password, prefix, partitions)
        stack.push_async_callback(market.close)
        await _expect_empty(market, f"redis.url {redis.url}, prefix {prefix!r}")
        await restore(Original(log, images), Blank(market, postgres), told)


async def _partitions(store: Store, where: str) -> int:
    body = await store.desired()
    if body is None:
        raise SettingsError(f"{where} holds nothing: no daemon has run there yet")
    return decode(body).rules.partitions


async def _expect_empty(log: EventLog, where: str) -> None:
    for partition in range(log.partitions):
        last = await log.last(partition)
        if last != ORIGIN:
            raise SettingsError(
                f"{where}: there is a market log already, its partition {partition} ends at "
                f"{last}; delete it if nobody needs it, or choose another redis.prefix, which "
                "begins another stream of signals, too"
            )
