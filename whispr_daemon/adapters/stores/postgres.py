"""The truth in Postgres: any number of processes, rows locked where owners may race."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, Self

import asyncpg

from whispr_daemon.adapters.stores.news import News
from whispr_daemon.adapters.stores.postgres_pool import Connection, PostgresPool
from whispr_daemon.adapters.stores.rows import (
    SNAPSHOTS_KEPT,
    change_of,
    check_epoch,
    check_out_seq,
    id_taken,
    mark_of,
    newest_valid,
    output_rows,
    snapshot_row,
    stored_output,
    valid,
)
from whispr_daemon.adapters.stores.statements import read_queries
from whispr_daemon.domain.errors import Fatal, StaleCommit
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.store import (
    Change,
    Claim,
    Commit,
    DeadLetter,
    Producer,
    Quarantine,
    Route,
    Snapshot,
    StoredOutput,
    UnitMark,
)

_OUTPUT_COLUMNS: Final = 8  # after the unit's


class PostgresStore:
    """Every method is one transaction."""

    def __init__(self, pool: PostgresPool, news: News) -> None:
        """Use :meth:`open`."""
        self._pool, self._news = pool, news
        self._queries = read_queries("postgres")

    @classmethod
    async def open(cls, url: str, password: str = "", news: News | None = None) -> Self:
        """Connect, in the loop that will use the store, and make or renew its tables.

        ``password`` stands apart so that the URL may be shown; empty if it needs none. ``news`` is
        where what is committed here is told, and what others have committed is heard of.

        Raises:
            SettingsError: nobody answers there, the password or database is refused, or the
                database is of a newer version.
            UnsafeServer: the server may lose what it has acknowledged.
            Transient: the server is starting, full or busy.
        """
        return cls(await PostgresPool.open(url, password), news or News())

    async def claim(self, unit_id: str, partition: int, owner: str, start: Position) -> Claim:
        """Take a unit over: epoch + 1."""
        async with self._pool.transaction() as connection:
            # Locks the unit's row: of two claims at once the second waits and gets the next epoch.
            row = await self._one(connection, "claim", unit_id, partition, owner, start.pack())
            snapshots = await self._run(connection, "snapshots", unit_id)
        return Claim(mark=mark_of(row), snapshot=newest_valid(snapshots))

    async def commit(self, commit: Commit) -> None:
        """Make a commit durable: position, outputs and snapshot, or nothing."""
        # One statement is a transaction of its own.
        alone = commit.snapshot is None
        opened = self._pool.connection() if alone else self._pool.transaction()
        try:
            async with opened as connection:
                created = await self._commit(connection, commit)
        except _IdTaken as error:
            ids = [output.id for output in commit.outputs]
            async with self._pool.connection() as connection:
                taken = await self._run(connection, "taken_ids", ids)
            raise id_taken(commit, (row["id"] for row in taken)) from error.__cause__
        first = commit.out_seq - len(commit.outputs) + 1
        self._news.say(commit.unit_id, first, commit.outputs, created)

    async def _commit(self, connection: Connection, commit: Commit) -> int:
        """Return the time that its outputs have, ns UTC."""
        rows = output_rows(commit)
        _, *columns = zip(*rows, strict=True) if rows else [()] * (_OUTPUT_COLUMNS + 1)
        try:
            moved = await self._first(
                connection,
                "commit",
                *(commit.unit_id, commit.epoch, commit.old.pack(), commit.new.pack()),
                *(commit.out_seq, commit.out_hash, *columns),
            )
        except asyncpg.UniqueViolationError as error:
            raise _IdTaken from error
        if moved is None:
            await self._explain(connection, commit)
        if commit.snapshot is not None:
            row = snapshot_row(commit.unit_id, commit.snapshot)
            await self._run(connection, "add_snapshot", *row.values())
            await self._run(connection, "drop_snapshots", commit.unit_id, SNAPSHOTS_KEPT)
        created: int = moved["created"]
        return created

    async def _explain(self, connection: Connection, commit: Commit) -> NoReturn:
        """Say why a commit changed nothing."""
        row = await self._first(connection, "mark", commit.unit_id)
        mark = None if row is None else mark_of(row)
        if mark is not None and (mark.epoch, mark.wm) == (commit.epoch, commit.old):
            check_out_seq(commit, mark.out_seq + len(commit.outputs))
        raise StaleCommit(f"{commit.unit_id}: no unit of epoch {commit.epoch} at {commit.old}")

    async def mark(self, unit_id: str) -> UnitMark:
        """Return the unit's mark. Raises Fatal for a unit that was never claimed."""
        async with self._pool.transaction() as connection:
            # FOR UPDATE: after a commit whose reply was lost but which the server still works on.
            row = await self._first(connection, "mark", unit_id)
        if row is None:
            raise Fatal(f"no unit {unit_id!r} in {self._pool.where}; claim it first")
        return mark_of(row)

    async def marks(self) -> Mapping[str, UnitMark]:
        """Return the marks of all units."""
        return {row["unit_id"]: mark_of(row) for row in await self._ask("marks")}

    async def snapshots_of(self, unit_id: str) -> Sequence[Snapshot]:
        """Return the valid snapshots of a unit, oldest first."""
        return [*valid(await self._ask("snapshots", unit_id))][::-1]

    async def quarantine(self, unit_id: str, epoch: int, position: Position, reason: str) -> None:
        """Record that the unit stopped. Raises Fenced if the epoch is not the unit's."""
        async with self._pool.transaction() as connection:
            check_epoch(f"unit {unit_id}", epoch, await self._first(connection, "mark", unit_id))
            await self._run(connection, "quarantine", unit_id, position.pack(), reason)

    async def release(self, unit_id: str) -> bool:
        """End a unit's quarantine; False if it was in none."""
        async with self._pool.transaction() as connection:
            return await self._first(connection, "end_quarantine", unit_id) is not None

    async def quarantined(self) -> Sequence[Quarantine]:
        """Return the units in quarantine."""
        return [
            Quarantine(
                unit_id=row["unit_id"],
                position=Position.unpack(row["pos"]),
                reason=row["reason"],
                since=row["since"],
            )
            for row in await self._ask("quarantined")
        ]

    async def outputs(self, after: Mapping[str, int], limit: int) -> Sequence[StoredOutput]:
        """Return at most ``limit`` outputs above the cursors, ordered by unit and ``out_seq``."""
        if heard := self._news.after(after, limit):
            return heard
        rows = await self._ask("outputs", list(after), list(after.values()), limit)
        found = [stored_output(row) for row in rows]
        self._news.asked(after, found, all_there_are=len(found) < limit)
        return found

    async def recent_outputs(self, limit: int) -> Sequence[StoredOutput]:
        """Return the newest outputs by event time, oldest of them first."""
        return [stored_output(row) for row in reversed(await self._ask("recent_outputs", limit))]

    async def claim_route(self, route: str) -> Route:
        """Take a route over: epoch + 1."""
        async with self._pool.transaction() as connection:
            row = await self._one(connection, "claim_route", route)
            cursors = await self._run(connection, "cursors", route)
        return Route(
            route=route,
            epoch=row["epoch"],
            cursors={each["unit_id"]: each["out_seq"] for each in cursors},
            receipt=row["receipt"],
        )

    async def advance_route(
        self, route: str, epoch: int, cursors: Mapping[str, int], receipt: str
    ) -> None:
        """Move cursors forward, never back. Raises Fenced if the epoch is not the route's."""
        columns = list(cursors), list(cursors.values())
        rows = await self._ask("advance_route", route, epoch, receipt, *columns)
        check_epoch(f"route {route}", epoch, rows[0] if rows else None)

    async def claim_producer(self, producer: str) -> Producer:
        """Take a producer over: epoch + 1."""
        async with self._pool.transaction() as connection:
            row = await self._one(connection, "claim_producer", producer)
            marks = await self._run(connection, "producer_marks", producer)
        return Producer(
            producer=producer,
            epoch=row["epoch"],
            marks={each["source"]: each["seq"] for each in marks},
            state=row["state"],
        )

    async def save_producer(self, producer: Producer) -> None:
        """Record an ingest's marks and memory. Raises Fenced if the epoch is not the producer's."""
        name, marks = producer.producer, producer.marks
        async with self._pool.transaction() as connection:
            row = await self._first(
                connection, "save_producer", name, producer.epoch, producer.state
            )
            check_epoch(f"producer {name}", producer.epoch, row)
            await self._run(connection, "save_marks", name, list(marks), list(marks.values()))

    async def register(self, symbols: Sequence[str]) -> Mapping[str, int]:
        """Return the codes of the symbols, giving new ones the next free codes, in their order."""
        wanted = list(dict.fromkeys(symbols))
        async with self._pool.transaction() as connection:
            codes = await self._codes(connection, wanted)
            if len(codes) < len(wanted):
                await self._run(connection, "lock_instruments")
                known = await self._codes(connection, wanted)  # others may have been first
                new = [symbol for symbol in wanted if symbol not in known]
                await self._run(connection, "add_instruments", new)
                codes = await self._codes(connection, wanted)
        return codes

    async def _codes(self, connection: Connection, symbols: list[str]) -> dict[str, int]:
        rows = await self._run(connection, "codes", symbols)
        return {row["symbol"]: row["code"] for row in rows}

    async def instruments(self) -> Sequence[str]:
        """Return all instruments; the place of each is its code."""
        return [row["symbol"] for row in await self._ask("instruments")]

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Record refused events; one already there (source and seq) is passed over."""
        columns = (
            [getattr(letter, column) for letter in letters]
            for column in DeadLetter.__struct_fields__
        )
        await self._ask("bury", *columns)

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """Return the newest dead letters, oldest of them first."""
        return [DeadLetter(**row) for row in reversed(await self._ask("dead_letters", limit))]

    async def drop_dead_letters(self, keep: int, most: int) -> int:
        """Forget the oldest dead letters that are not the newest ``keep``; return how many."""
        return len(await self._ask("drop_dead_letters", keep, most))

    async def add_change(self, body: bytes) -> Change:
        """Record a change under the next number, unless the newest says the same already."""
        async with self._pool.transaction() as connection:
            await self._run(connection, "lock_changes")
            row = await self._first(connection, "changes", 1)
            if row is None or row["body"] != body:
                row = await self._one(connection, "add_change", body)
        return change_of(row)

    async def change(self, number: int) -> Change | None:
        """Return a change, None if there is none of that number."""
        rows = await self._ask("change", number)
        return change_of(rows[0]) if rows else None

    async def changes(self, limit: int) -> Sequence[Change]:
        """Return the newest changes, oldest of them first."""
        return [change_of(row) for row in reversed(await self._ask("changes", limit))]

    async def set_desired(self, body: bytes) -> None:
        """Record what should be running."""
        await self._ask("set_desired", body)

    async def desired(self) -> bytes | None:
        """Return what should be running, None if that was never said."""
        rows = await self._ask("desired")
        return rows[0]["body"] if rows else None

    async def close(self) -> None:
        """Close all connections; harmless if repeated."""
        await self._pool.close()

    async def _ask(self, name: str, *values: Any) -> list[asyncpg.Record]:
        async with self._pool.connection() as connection:
            return await self._run(connection, name, *values)

    async def _run(self, connection: Connection, name: str, *values: Any) -> list[asyncpg.Record]:
        return await connection.fetch(self._queries[name], *values)

    async def _first(
        self, connection: Connection, name: str, *values: Any
    ) -> asyncpg.Record | None:
        rows = await self._run(connection, name, *values)
        return rows[0] if rows else None

    async def _one(self, connection: Connection, name: str, *values: Any) -> asyncpg.Record:
        (row,) = await self._run(connection, name, *values)
        return row


class _IdTaken(Exception):
    """An output's id is already there; whose, is found out once the transaction is over."""
