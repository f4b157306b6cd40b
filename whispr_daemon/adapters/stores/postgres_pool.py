"""Connections to one Postgres: safe settings demanded, tables renewed, failures named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self, TypeAlias
from urllib.parse import urlsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from whispr_daemon.adapters.stores.statements import read_migrations, read_queries
from whispr_daemon.domain.errors import (
    Fatal,
    Poison,
    SettingsError,
    Transient,
    UnsafeServer,
    WhisprError,
)

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

_CONNECT_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 10.0
_MOST_CONNECTIONS: Final = 4  # of each process; there are as many processes as hosts
_SESSION: Final = {
    "application_name": "whispr",
    # The server's own limits, for a process that was stopped in the middle of a transaction: its
    # locks would keep its successor from claiming the unit.
    "idle_in_transaction_session_timeout": "10s",
    "statement_timeout": "15s",
    "lock_timeout": "8s",
}
_FAILURES: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# By class of SQLSTATE. Away, overloaded, locked, disk full, shutting down, or lost a race:
_PASSING: Final = ("08", "25", "40", "53", "55", "57", "58")
# Bad data in one item; wrong user, password or database; missing rights:
_BAD_DATA: Final = ("22", "23")
_REFUSED: Final = ("28", "3D", "42501")


class PostgresPool:
    """Transactions on one database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", where: str) -> None:
        """Use :meth:`open`."""
        self.where = where  # host:port/database, without user and password
        self._pool = pool

    @classmethod
    async def open(cls, url: str, password: str) -> Self:
        """Connect, in the loop that will use the pool; check the server and migrate.

        Raises:
            SettingsError: nobody answers there, the password or database is refused, or the
                database is of a newer version.
            UnsafeServer: the server may lose what it has acknowledged.
            Transient: the server is starting, full or busy.
        """
        where = _place(url)
        try:
            pool = await asyncpg.create_pool(
                url,
                password=password or None,
                min_size=1,
                max_size=_MOST_CONNECTIONS,
                timeout=_CONNECT_SECONDS,
                command_timeout=_COMMAND_SECONDS,
                server_settings=_SESSION,
                reset=_as_it_is,
            )
        except (*_FAILURES, ValueError) as error:
            raise _unreachable(error, where) from error
        try:
            self = cls(pool, where)
            await self._demand_safety()
            await self._migrate()
        except BaseException:
            pool.terminate()
            raise
        return self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Give a connection in a transaction; failures are translated on the way out."""
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except TimeoutError:
                raise  # to roll back would be to wait for the same silence again
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Give a connection, each of its statements a transaction; failures are translated."""
        if self._pool.is_closing():
            raise Fatal(f"the store at {self.where} is closed")
        try:
            async with self._pool.acquire(timeout=_CONNECT_SECONDS) as connection:
                try:
                    yield connection
                except TimeoutError:
                    # Who is silent may be gone, and gone for all that are connected to it: one that
                    # is found out by waiting is enough.
                    connection.terminate()
                    await self._pool.expire_connections()
                    raise
        except _FAILURES as error:
            raise _translated(error, self.where) from error

    async def close(self) -> None:
        """Close all connections; harmless if repeated."""
        if self._pool.is_closing():
            return
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def _demand_safety(self) -> None:
        async with self.connection() as connection:
            unsafe = await connection.fetch(_QUERIES["unsafe_settings"])
        if unsafe:
            found = ", ".join(f"{row['name']} is off" for row in unsafe)
            raise UnsafeServer(
                f"postgres.url: the Postgres at {self.where} may lose what it acknowledged: "
                f"{found}; each needs to be on"
            )

    async def _migrate(self) -> None:
        """Bring the tables up to date: one transaction, one starting process at a time."""
        async with self.transaction() as connection:
            await connection.execute(_QUERIES["lock_schema"])
            await connection.execute(_QUERIES["make_schema_version"])
            found = await connection.fetchval(_QUERIES["schema_version"])
            for number, script in read_migrations("postgres", found, self.where).items():
                await connection.execute(script)
                await connection.execute(_QUERIES["set_schema_version"], number)


_QUERIES: Final = read_queries("postgres")


async def _as_it_is(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let the next have a connection as it is; a transaction that is open has been rolled back.

    Nobody here leaves anything in a session, and to ask the server to clear it is one more exchange
    in the way of every commit.
    """


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"


def _translated(error: Exception, where: str) -> WhisprError:
    """Say what the caller must do about a failure of an open store."""
    named = f"Postgres at {where}: {str(error) or type(error).__name__}"
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error, named)
    if isinstance(error, ValueError):  # asyncpg's own DataError: a value that fits no column
        return Poison(named)
    return Transient(named)


def _by_state(error: asyncpg.PostgresError, named: str) -> WhisprError:
    state = error.sqlstate or ""
    if state.startswith(_PASSING):
        return Transient(named)
    if state.startswith(_BAD_DATA):
        return Poison(named)
    if state.startswith(_REFUSED):
        return SettingsError(named)
    return Fatal(f"{named} (SQLSTATE {state})")


def _unreachable(error: Exception, where: str) -> WhisprError:
    """Say why the first connection was not made."""
    if isinstance(error, asyncpg.PostgresError):
        translated = _by_state(error, str(error))
        if isinstance(translated, Transient):
            return Transient(f"Postgres at {where}: {error}")
    cause: Any = error if str(error) else f"no answer within {_CONNECT_SECONDS:g} s"
    return SettingsError(
        f"postgres.url: cannot use the Postgres at {where}: {cause}; check the address, user, "
        "password and database, and that it runs"
    )
