"""Where a daemon's servers are: none (tier 0), the user's (URLs), or our own, started here."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import structlog
from pydantic import SecretStr

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server
from whispr_daemon.bootstrap.reach import Reach
from whispr_daemon.domain.address import apart
from whispr_daemon.domain.errors import Fatal
from whispr_daemon.engine.retry import Backoff
from whispr_daemon.engine.unit import Cadence
from whispr_daemon.engine.watch import Patience
from whispr_daemon.settings import Settings
from whispr_daemon.settings.servers import Server as ServerSettings

Tell: TypeAlias = Callable[[str], None]  # told in words what is being waited for

# By ``rules.jit``: see Reach.compile_after. Half a million rows take as long as compiling does.
COMPILE_AFTER: Final = MappingProxyType({"off": None, "auto": 500_000, "always": 0})

_NONE: Final = Server("", "")


class OwnServer:
    """A server of our own on the data folder: started, kept running, stopped."""

    def __init__(self, name: str, server: EmbeddedPostgres | EmbeddedValkey, folder: Path) -> None:
        """``name`` is for people; the data is under ``folder``."""
        self.name = name
        self._server = server
        self._folder = folder
        self._found = _NONE
        self._journal = structlog.get_logger("whispr.servers").bind(server=name)

    async def start(self) -> Server:
        """Start it and return where it answers.

        Raises:
            SettingsError: it cannot be had in this folder.
            Fatal: it does not get ready.
        """
        self._found = await self._server.start(self._folder)
        return self._found

    async def keep(self) -> None:
        """Start it again whenever it dies, until cancelled. Meanwhile its clients try again.

        What it dies of may keep it from starting, too, e.g. a full disk: it is tried until it does.

        Raises:
            Fatal: it is not where its clients look for it any more.
        """
        backoff = Backoff(SYSTEM_CLOCK)
        while True:
            status = await self._server.died()
            self._journal.error("server died, starting it again", status=status)
            found = await self._started(backoff)
            if found != self._found:
                raise Fatal(
                    f"{self.name} died and its port was taken meanwhile: it was at "
                    f"{self._found.url}, now at {found.url}; start the daemon again"
                )
            self._journal.warning("server is back", url=found.url)

    async def _started(self, backoff: Backoff) -> Server:
        while True:
            await backoff.wait()
            try:
                return await self._server.start(self._folder)
            except (Fatal, OSError) as error:
                self._journal.error("server does not start, trying again", error=str(error))

    async def stop(self) -> None:
        """Shut it down cleanly."""
        await self._server.stop()


@dataclass(frozen=True, slots=True)
class Servers:
    """Where Postgres and Redis are, and which of them are our own."""

    postgres: Server = _NONE
    redis: Server = _NONE
    own: tuple[OwnServer, ...] = ()


@asynccontextmanager
async def servers_of(settings: Settings, folder: Path, tell: Tell) -> AsyncIterator[Servers]:
    """Yield the servers of the settings; where there is no URL start one, stopped afterwards.

    Raises:
        SettingsError: a server of our own cannot be had in this folder.
        Fatal: it does not get ready.
    """
    if settings.tier == 0:
        yield Servers()
        return
    postgres, redis = server_at(settings.postgres), server_at(settings.redis)
    own: list[OwnServer] = []
    async with AsyncExitStack() as stack:

        async def started(name: str, server: EmbeddedPostgres | EmbeddedValkey) -> Server:
            tell(f"starting {name}")
            own.append(OwnServer(name, server, folder))
            stack.push_async_callback(own[-1].stop)
            return await own[-1].start()

        yield Servers(
            postgres or await started("Postgres", EmbeddedPostgres(SYSTEM_CLOCK)),
            redis or await started("Valkey", EmbeddedValkey(SYSTEM_CLOCK)),
            tuple(own),
        )


def reach_of(settings: Settings, folder: Path, servers: Servers) -> Reach:
    """Return how log and store are reached, in this process and in actors."""
    health = settings.health
    return Reach(
        data=str(folder),
        partitions=settings.partitions,
        postgres_url=servers.postgres.url,
        postgres_password=servers.postgres.password,
        redis_url=servers.redis.url,
        redis_password=servers.redis.password,
        redis_prefix=settings.redis.prefix,
        cadence=Cadence(
            idle_commit=settings.idle_commit_seconds,
            snapshot=settings.snapshot_seconds,
            snapshot_rows=settings.snapshot_rows,
        ),
        compile_after=COMPILE_AFTER[settings.rules.jit],
        patience=Patience(
            stall_seconds=settings.stall_seconds,
            deaths=settings.deaths,
            within_seconds=settings.deaths_within_seconds,
        ),
        health_host=health.host,
        health_port=health.port,
        health_token=_revealed(health.token),
        log_level=settings.log.level,
        log_format=settings.log.format,
    )


def server_at(settings: ServerSettings) -> Server | None:
    """Return a server's URL and password apart, so that the URL may be shown; None without URL."""
    if settings.url is None:
        return None
    url, password = apart(settings.url.get_secret_value())
    return Server(url, _revealed(settings.password) or password)


def _revealed(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
