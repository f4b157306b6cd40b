"""Where a daemon's servers are: none (tier 0), the user's (URLs), or our own, started here."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server
from whispr_daemon.bootstrap.reach import Reach
from whispr_daemon.engine.unit import Cadence
from whispr_daemon.settings import Settings
from whispr_daemon.settings.servers import Server as ServerSettings

Tell: TypeAlias = Callable[[str], None]  # told in words what is being waited for


async def reach_of(settings: Settings, folder: Path, stack: AsyncExitStack, tell: Tell) -> Reach:
    """Return how log and store are reached; servers of our own are started, and end with ``stack``.

    Raises:
        SettingsError: a server of our own does not start in this folder.
    """
    postgres, redis = Server("", ""), Server("", "")
    if settings.tier == 1:
        postgres = await _postgres(settings, folder, stack, tell)
        redis = await _redis(settings, folder, stack, tell)
    health = settings.health
    return Reach(
        data=str(folder),
        partitions=settings.partitions,
        postgres_url=postgres.url,
        postgres_password=postgres.password,
        redis_url=redis.url,
        redis_password=redis.password,
        redis_prefix=settings.redis.prefix,
        cadence=Cadence(
            idle_commit=settings.idle_commit_seconds,
            snapshot=settings.snapshot_seconds,
            snapshot_rows=settings.snapshot_rows,
        ),
        stall_seconds=settings.stall_seconds,
        health_host=health.host,
        health_port=health.port,
        health_token=_revealed(health.token),
        log_level=settings.log.level,
        log_format=settings.log.format,
    )


async def _postgres(settings: Settings, folder: Path, stack: AsyncExitStack, tell: Tell) -> Server:
    given = server_at(settings.postgres)
    if given is not None:
        return given
    tell("starting Postgres")
    own = EmbeddedPostgres(SYSTEM_CLOCK)
    stack.push_async_callback(own.stop)
    return await own.start(folder)


async def _redis(settings: Settings, folder: Path, stack: AsyncExitStack, tell: Tell) -> Server:
    given = server_at(settings.redis)
    if given is not None:
        return given
    tell("starting Valkey")
    own = EmbeddedValkey(SYSTEM_CLOCK)
    stack.push_async_callback(own.stop)
    return await own.start(folder)


def server_at(settings: ServerSettings) -> Server | None:
    """Return a server's URL and password apart, so that the URL may be shown; None without URL."""
    if settings.url is None:
        return None
    parts = urlsplit(settings.url.get_secret_value())
    password = _revealed(settings.password) or unquote(parts.password or "")
    account, _, place = parts.netloc.rpartition("@")
    user = account.partition(":")[0]
    netloc = f"{user}@{place}" if user else place
    return Server(urlunsplit(parts._replace(netloc=netloc)), password)


def _revealed(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
