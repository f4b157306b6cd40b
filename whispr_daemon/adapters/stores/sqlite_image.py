"""A store in a SQLite file copied out at one moment, and filled from such a copy."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from whispr_daemon.adapters.stores.sqlite_file import SqliteFile, translated
from whispr_daemon.adapters.stores.statements import read_queries
from whispr_daemon.adapters.stores.tables import COUNT_ALL, TABLE, TABLES
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.store_image import Page, StoreImage

_QUERIES: Final = read_queries("sqlite")


class SqliteImages:
    """Made by :meth:`open`. An image has a connection of its own, and one read transaction."""

    def __init__(self, file: SqliteFile) -> None:
        """Use :meth:`open`."""
        self._file = file

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, making or renewing its tables; errors as of :meth:`SqliteStore.open`."""
        return cls(await SqliteFile.open(path))

    @asynccontextmanager
    async def image(self) -> AsyncIterator[StoreImage]:
        """Hold the store as it is now; see the port. Its writer does not wait for it."""
        path = self._file.path
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                check_same_thread=False,  # one call after the other, each in some thread
            )
            try:
                connection.execute("BEGIN")
                named = connection.execute(_QUERIES["named"]).fetchone()  # the moment is taken
                yield _Image(connection, named)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise translated(error, path) from error

    async def expect_empty(self) -> None:
        """Look whether there are no rows; see the port."""
        if await self._file.read(self._occupied):
            raise SettingsError(f"{self._file.path} holds a store already; give another file")

    async def fill(self, pages: AsyncIterator[Page]) -> None:
        """Take over all rows; see the port. A transaction a page: half a file is to be deleted."""
        await self.expect_empty()
        async for page in pages:
            await self._file.write(lambda page=page: self._add(page))  # type: ignore[misc]

    def _occupied(self) -> bool:
        execute = self._file.connection.execute
        return any(execute(table.counting(1)).fetchone()[0] for table in TABLES)

    def _add(self, page: Page) -> None:
        self._file.connection.executemany(TABLE[page.table].add_row(), page.rows)

    async def outdo_routes(self) -> None:
        """Raise the epochs of all relays above what the store that was copied has given since.

        It may have gone on after the copy was made, and what it delivered bears its epochs. These
        count starts; from now on they go on from the time of day in seconds, which is always more,
        also than after an earlier restore.
        """
        await self._file.write(lambda: self._file.connection.execute(_QUERIES["outdo_routes"]))

    async def close(self) -> None:
        """Let the file go; harmless if repeated."""
        await self._file.close()


class _Image:
    def __init__(self, connection: sqlite3.Connection, named: tuple[int, ...]) -> None:
        self._connection = connection
        self.named = named

    async def rows(self) -> int:
        cursor = await asyncio.to_thread(self._connection.execute, COUNT_ALL)
        (found,) = cursor.fetchone()
        return int(found)

    async def pages(self) -> AsyncGenerator[Page, None]:
        for table in TABLES:
            cursor = await asyncio.to_thread(self._connection.execute, table.read_all())
            while rows := await asyncio.to_thread(cursor.fetchmany, table.page):
                yield Page(table.name, rows)
