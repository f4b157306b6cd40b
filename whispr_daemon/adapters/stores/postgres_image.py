"""A store in Postgres copied out at one moment, and filled from such a copy."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from whispr_daemon.adapters.stores.postgres_pool import Connection, PostgresPool
from whispr_daemon.adapters.stores.statements import read_queries
from whispr_daemon.adapters.stores.tables import COUNT_ALL, TABLE, TABLES, Table
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.store_image import Page, Row, StoreImage

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TO_NS: Final = "(extract(epoch FROM {}) * 1000000000)::bigint"
_QUERIES: Final = read_queries("postgres")


class PostgresImages:
    """Made by :meth:`open`; an image is one REPEATABLE READ transaction, and so is a filling."""

    def __init__(self, pool: PostgresPool) -> None:
        """Use :meth:`open`."""
        self._pool = pool

    @classmethod
    async def open(cls, url: str, password: str = "") -> Self:
        """Connect, and make or renew the tables; errors as of :meth:`PostgresStore.open`."""
        return cls(await PostgresPool.open(url, password))

    @asynccontextmanager
    async def image(self) -> AsyncIterator[StoreImage]:
        """Hold the store as it is now; see the port. Nobody waits for it."""
        async with (
            self._pool.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            # The first statement takes the moment, not the transaction's beginning.
            (named,) = await connection.fetch(_QUERIES["named"])
            yield _Image(connection, tuple(named))

    async def expect_empty(self) -> None:
        """Look whether there are no rows; see the port."""
        async with self._pool.connection() as connection:
            await self._expect_empty(connection)

    async def _expect_empty(self, connection: Connection) -> None:
        for table in TABLES:
            if await connection.fetchval(table.counting(1)):
                raise SettingsError(
                    f"postgres.url: the database at {self._pool.where} holds a store already "
                    f"(there are rows in table {table.name}); give an empty database"
                )

    async def fill(self, pages: AsyncIterator[Page]) -> None:
        """Take over all rows, or none; see the port."""
        async with self._pool.transaction() as connection:
            names = ", ".join(table.name for table in TABLES)
            await connection.execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
            await self._expect_empty(connection)
            async for name, rows in pages:
                table = TABLE[name]
                await connection.copy_records_to_table(
                    name, columns=table.columns, records=_records(table, rows)
                )

    async def close(self) -> None:
        """Close all connections; harmless if repeated."""
        await self._pool.close()


class _Image:
    def __init__(self, connection: Connection, named: tuple[int, ...]) -> None:
        self._connection = connection
        self.named = named

    async def rows(self) -> int:
        return int(await self._connection.fetchval(COUNT_ALL))

    async def pages(self) -> AsyncGenerator[Page, None]:
        for table in TABLES:
            cursor = await self._connection.cursor(table.read_all(_TO_NS))
            while rows := await cursor.fetch(table.page):
                yield Page(table.name, [tuple(row) for row in rows])


def _records(table: Table, rows: Sequence[Row]) -> Sequence[Row]:
    times = [table.columns.index(column) for column in table.times]
    if not times:
        return rows
    found: list[list[Any]] = [list(row) for row in rows]
    for row in found:
        for place in times:
            row[place] = _BEGINNING + timedelta(microseconds=row[place] // 1_000)
    return [tuple(row) for row in found]
