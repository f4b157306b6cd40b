"""Where a daemon keeps what it said, and how far it has come: opened by the harness beside it."""

import contextlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from tests.chaos.checker import Delivery
from tests.chaos.market import all_outputs
from tests.integration.daemons import Daemon
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.logs.redis import RedisEventLog
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.outputs import encode
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store, StoredOutput

PARTITIONS: Final = 4
_PREFIX: Final = "whispr"  # of every key: the settings' default
_SIGNALS: Final = f"{_PREFIX}:SIGNALS"
_LINE: Final = msgspec.json.Decoder(StoredOutput)


class Servers(NamedTuple):
    """The harness's servers, by setting (postgres, redis)."""

    told: Mapping[str, Server]  # where the daemon is told they are
    direct: Mapping[str, Server]  # where they are


class Places:
    """The log, the store and the recording outlet of one daemon."""

    def __init__(self, tier: int, daemon: Daemon, servers: Servers | None) -> None:
        """``servers`` are the harness's; None: the daemon has its own, or none (tier 0)."""
        self._tier = tier
        self._daemon = daemon
        self._direct = dict(servers.direct) if servers else {}
        self._own = servers is None

    def server(self, name: str) -> Server:
        """Return where a server answers (postgres or redis), or did when it was last seen.

        Raises:
            SettingsError: it has never been up.
        """
        running = DataFolder(self._daemon.data).running() if self._own else None
        if running is not None:
            home = self._daemon.data / ("valkey" if name == "redis" else "postgres")
            url = running.redis_url if name == "redis" else running.postgres_url
            self._direct[name] = Server(url, (home / "password").read_text().strip())
        if name not in self._direct:
            raise SettingsError("the daemon has not said where its servers are")
        return self._direct[name]

    async def opened(self, stack: AsyncExitStack) -> tuple[EventLog, Store]:
        """Return log and store, to look at only. Errors are those of the adapters."""
        store: SqliteStore | PostgresStore
        log: SqliteEventLog | RedisEventLog
        if self._tier == 0:
            store = await SqliteStore.open(self._daemon.data / "store.db", readonly=True)
            stack.push_async_callback(store.close)
            file = self._daemon.data / "log.db"
            log = await SqliteEventLog.open(file, PARTITIONS, readonly=True)
        else:
            postgres, redis = self.server("postgres"), self.server("redis")
            store = await PostgresStore.open(postgres.url, postgres.password)
            stack.push_async_callback(store.close)
            log = await RedisEventLog.open(redis.url, redis.password, _PREFIX, PARTITIONS)
        stack.push_async_callback(log.close)
        return log, store

    async def stored(self) -> list[StoredOutput]:
        """Return all that the store holds; on tier 1 while the daemon runs."""
        async with AsyncExitStack() as stack:
            _, store = await self.opened(stack)
            return await all_outputs(store)

    def delivered(self) -> list[Delivery]:
        """Return all that arrived at the recording outlet, in order.

        Raises:
            RedisError: the server does not answer.
        """
        if self._tier == 0:
            return _delivered_lines(self._daemon.said)
        server = self.server("redis")
        with Redis.from_url(server.url, password=server.password) as client:
            entries = client.xrange(_SIGNALS)
        return [
            Delivery(
                fields[b"unit"].decode(),
                int(fields[b"out_seq"]),
                fields[b"id"].decode(),
                fields[b"body"],
            )
            for _, fields in entries
        ]

    def arrived(self) -> int:
        """Return how many arrivals there are, repeated ones too; 0 while nobody answers."""
        if self._tier == 0:
            said = self._daemon.said
            return said.read_bytes().count(b"\n") if said.exists() else 0
        with contextlib.suppress(RedisError, SettingsError):
            server = self.server("redis")
            with Redis.from_url(server.url, password=server.password, socket_timeout=1) as client:
                return int(client.xlen(_SIGNALS))
        return 0


def _delivered_lines(file: Path) -> list[Delivery]:
    lines = file.read_bytes().splitlines() if file.exists() else []
    told = [_LINE.decode(line) for line in lines]
    return [
        Delivery(each.unit_id, each.out_seq, each.output.id, encode(each.output)) for each in told
    ]
