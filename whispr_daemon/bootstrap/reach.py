"""Opens a process's log and store: files of the data folder (tier 0), servers (tier 1)."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from whispr_daemon import log
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.metrics import PrometheusMetrics
from whispr_daemon.adapters.stores.news import News
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.domain.errors import Fatal
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.troubles import Troubles
from whispr_daemon.engine.unit import Cadence, Ports
from whispr_daemon.engine.watch import Patience
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store
from whispr_daemon.rules.columns.calendars import keep_in

_log = structlog.get_logger(__name__)


class Reach(Value, frozen=True, kw_only=True):
    """All a process must know to do its part. Handed to actors; holds passwords, so not stored."""

    data: str  # the folder
    partitions: int
    postgres_url: str = ""  # empty: tier 0
    postgres_password: str = ""
    redis_url: str = ""
    redis_password: str = ""
    redis_prefix: str = "whispr"
    cadence: Cadence = Cadence()
    # Rows that a function of the rules folds as it is written before it is compiled; None: never.
    compile_after: int | None = None
    patience: Patience = Patience()
    health_host: str = "127.0.0.1"
    health_port: int = 0
    health_token: str = ""
    log_level: str = "info"
    log_format: log.LogFormat = "json"

    @property
    def tier(self) -> int:
        """0 or 1."""
        return 1 if self.postgres_url else 0


@asynccontextmanager
async def open_ports(reach: Reach, news: News | None = None) -> AsyncIterator[Ports]:
    """Open log and store for the loop that runs now; both are closed at the end.

    ``news`` is of the store, where other processes commit to it: on tier 1.

    Raises:
        SettingsError: a file or server cannot be reached; the setting is named.
        UnsafeServer: a server would lose acknowledged writes as it is set.
    """
    async with AsyncExitStack() as stack:
        store: Store
        event_log: EventLog
        if reach.tier:
            # Only here: tier 0 does not wait for clients of servers that it does without.
            from whispr_daemon.adapters.logs.redis import RedisEventLog
            from whispr_daemon.adapters.stores.postgres import PostgresStore

            store = await PostgresStore.open(reach.postgres_url, reach.postgres_password, news)
            stack.push_async_callback(store.close)
            event_log = await RedisEventLog.open(
                reach.redis_url, reach.redis_password, reach.redis_prefix, reach.partitions
            )
        else:
            folder = Path(reach.data)
            store = await SqliteStore.open(folder / "store.db")
            stack.push_async_callback(store.close)
            event_log = await SqliteEventLog.open(folder / "log.db", reach.partitions)
        stack.push_async_callback(event_log.close)
        metrics = PrometheusMetrics()
        troubles = Troubles(SYSTEM_CLOCK, metrics)
        yield Ports(
            log=troubles.watch("log", event_log),
            store=troubles.watch("store", store),
            clock=SYSTEM_CLOCK,
            metrics=metrics,
            troubles=troubles.told,
        )


def keep_calendars(data: Path) -> None:
    """Keep calendars in the data folder: the next start takes a second less."""
    keep_in(data / "calendars", _log.warning)


async def join(
    context: bytes, stack: AsyncExitStack, news: News | None = None
) -> tuple[Reach, Ports, bytes]:
    """Begin an actor's process: logging on, ports open until ``stack`` is closed.

    Args:
        context: a Reach as msgpack.
        stack: closes the ports.
        news: of the store.

    Returns:
        the Reach, the ports, and what the store says should run.

    Raises:
        Fatal: nothing should run.
    """
    reach = msgspec.msgpack.decode(context, type=Reach)
    log.configure(reach.log_level, reach.log_format, sys.stderr)
    keep_calendars(Path(reach.data))
    ports = await stack.enter_async_context(open_ports(reach, news))
    body = await ports.store.desired()
    if body is None:
        raise Fatal("the store says of nothing that it should run")
    return reach, ports, body
