"""The truth in one SQLite file: one process, one writer connection, one thread."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from whispr_daemon.adapters.stores.newest import NewestOutputs
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
from whispr_daemon.adapters.stores.sqlite_file import SqliteFile
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


class SqliteStore:
    """Every method is one function run in the file's own thread: whole, or not at all."""

    def __init__(self, file: SqliteFile) -> None:
        """Use :meth:`open`."""
        self._file = file
        self._queries = read_queries("sqlite")
        self._newest = NewestOutputs()

    @classmethod
    async def open(cls, path: Path, *, readonly: bool = False) -> Self:
        """Open the store, making the file (not its folder) and its tables where they are missing.

        ``readonly`` is for another process than the daemon, which may be running: it only looks,
        and what would write raises Fatal.

        Raises:
            SettingsError: the file cannot be opened or written, is no store, or of another version.
            Transient: somebody else holds its lock.
        """
        return cls(await SqliteFile.open(path, readonly=readonly))

    async def claim(self, unit_id: str, partition: int, owner: str, start: Position) -> Claim:
        """Take a unit over: epoch + 1."""
        values = {
            "unit_id": unit_id,
            "partition": partition,
            "owner": owner,
            "start": start.pack(),
        }

        def work() -> Claim:
            mark = mark_of(self._one("claim", values))
            return Claim(mark=mark, snapshot=newest_valid(self._run("snapshots", values)))

        return await self._file.write(work)

    async def commit(self, commit: Commit) -> None:
        """Make a commit durable: position, outputs and snapshot, or nothing."""
        values = {
            "unit_id": commit.unit_id,
            "epoch": commit.epoch,
            "old": commit.old.pack(),
            "new": commit.new.pack(),
            "count": len(commit.outputs),
            "out_hash": commit.out_hash,
        }
        first = commit.out_seq - len(commit.outputs) + 1

        def work() -> int:
            moved = self._first("commit", values)
            if moved is None:
                raise StaleCommit(
                    f"{commit.unit_id}: no unit of epoch {commit.epoch} at {commit.old}"
                )
            check_out_seq(commit, moved["out_seq"])
            created: int = moved["now"]
            try:
                self._run_many("add_output", output_rows(commit, created))
            except sqlite3.IntegrityError as error:
                self._file.undo()  # first, so that only other commits' ids are found
                ids = {"ids": json.dumps([output.id for output in commit.outputs])}
                raise id_taken(
                    commit, (row["id"] for row in self._run("taken_ids", ids))
                ) from error
            if commit.snapshot is not None:
                self._run("add_snapshot", snapshot_row(commit.unit_id, commit.snapshot))
                self._run("drop_snapshots", {**values, "keep": SNAPSHOTS_KEPT})
            return created

        try:
            created = await self._file.write(work)
        except BaseException:
            self._newest.forget()  # it may have become durable all the same
            raise
        self._newest.add(commit.unit_id, first, commit.outputs, created)

    async def mark(self, unit_id: str) -> UnitMark:
        """Return the unit's mark. Raises Fatal for a unit that was never claimed."""

        def work() -> UnitMark:
            row = self._first("mark", {"unit_id": unit_id})
            if row is None:
                raise Fatal(f"no unit {unit_id!r} in {self._file.path}; claim it first")
            return mark_of(row)

        # A writer's lock, taken by the thread that commits: nothing is under way meanwhile.
        return await self._file.write(work)

    async def marks(self) -> Mapping[str, UnitMark]:
        """Return the marks of all units."""
        return await self._file.read(
            lambda: {row["unit_id"]: mark_of(row) for row in self._run("marks", {})}
        )

    async def snapshots_of(self, unit_id: str) -> Sequence[Snapshot]:
        """Return the valid snapshots of a unit, oldest first."""
        return await self._file.read(
            lambda: [*valid(self._run("snapshots", {"unit_id": unit_id}))][::-1]
        )

    async def quarantine(self, unit_id: str, epoch: int, position: Position, reason: str) -> None:
        """Record that the unit stopped. Raises Fenced if the epoch is not the unit's."""

        def work() -> None:
            row = self._first("mark", {"unit_id": unit_id})
            check_epoch(f"unit {unit_id}", epoch, row)
            values = {"unit_id": unit_id, "pos": position.pack(), "reason": reason}
            self._run("quarantine", values)

        await self._file.write(work)

    async def release(self, unit_id: str) -> bool:
        """End a unit's quarantine; False if it was in none."""
        return await self._file.write(
            lambda: self._first("end_quarantine", {"unit_id": unit_id}) is not None
        )

    async def quarantined(self) -> Sequence[Quarantine]:
        """Return the units in quarantine."""
        return await self._file.read(
            lambda: [
                Quarantine(
                    unit_id=row["unit_id"],
                    position=Position.unpack(row["pos"]),
                    reason=row["reason"],
                    since=row["since"],
                )
                for row in self._run("quarantined", {})
            ]
        )

    async def outputs(self, after: Mapping[str, int], limit: int) -> Sequence[StoredOutput]:
        """Return at most ``limit`` outputs above the cursors, ordered by unit and ``out_seq``."""
        if found := self._newest.after(after, limit):
            return found
        values = {"after": json.dumps(dict(after)), "limit": limit}
        found = await self._file.read(
            lambda: [stored_output(row) for row in self._run("outputs", values)]
        )
        if len(found) < limit:
            self._newest.all_read(after, found)
        return found

    async def recent_outputs(self, limit: int) -> Sequence[StoredOutput]:
        """Return the newest outputs by event time, oldest of them first."""
        return await self._file.read(
            lambda: [stored_output(row) for row in self._run("recent_outputs", {"limit": limit})][
                ::-1
            ]
        )

    async def claim_route(self, route: str) -> Route:
        """Take a route over: epoch + 1."""

        def work() -> Route:
            row = self._one("claim_route", {"route": route})
            cursors = self._run("cursors", {"route": route})
            return Route(
                route=route,
                epoch=row["epoch"],
                cursors={each["unit_id"]: each["out_seq"] for each in cursors},
                receipt=row["receipt"],
            )

        return await self._file.write(work)

    async def advance_route(
        self, route: str, epoch: int, cursors: Mapping[str, int], receipt: str
    ) -> None:
        """Move cursors forward, never back. Raises Fenced if the epoch is not the route's."""
        values = {"route": route, "epoch": epoch, "receipt": receipt}
        rows = [
            {"route": route, "unit_id": unit_id, "out_seq": out_seq}
            for unit_id, out_seq in cursors.items()
        ]

        def work() -> None:
            check_epoch(f"route {route}", epoch, self._first("advance_route", values))
            self._run_many("advance_cursor", rows)

        # A cursor that goes back with the machine is one whose outputs the outlet is asked for
        # again, as after a crash between the two.
        await self._file.write(work, synced=False)

    async def claim_producer(self, producer: str) -> Producer:
        """Take a producer over: epoch + 1."""
        values = {"producer": producer}

        def work() -> Producer:
            row = self._one("claim_producer", values)
            marks = self._run("producer_marks", values)
            return Producer(
                producer=producer,
                epoch=row["epoch"],
                marks={each["source"]: each["seq"] for each in marks},
                state=row["state"],
            )

        return await self._file.write(work)

    async def save_producer(self, producer: Producer) -> None:
        """Record an ingest's marks and memory. Raises Fenced if the epoch is not the producer's."""
        name = producer.producer
        values = {"producer": name, "epoch": producer.epoch, "state": producer.state}
        rows = [
            {"producer": name, "source": source, "seq": seq}
            for source, seq in producer.marks.items()
        ]

        def work() -> None:
            check_epoch(f"producer {name}", producer.epoch, self._first("save_producer", values))
            self._run_many("save_mark", rows)

        await self._file.write(work)

    async def register(self, symbols: Sequence[str]) -> Mapping[str, int]:
        """Return the codes of the symbols, giving new ones the next free codes, in their order."""
        rows = [{"symbol": symbol} for symbol in symbols]
        wanted = {"symbols": json.dumps(list(symbols))}

        def work() -> Mapping[str, int]:
            self._run_many("add_instrument", rows)
            return {row["symbol"]: row["code"] for row in self._run("codes", wanted)}

        return await self._file.write(work)

    async def instruments(self) -> Sequence[str]:
        """Return all instruments; the place of each is its code."""
        return await self._file.read(
            lambda: [row["symbol"] for row in self._run("instruments", {})]
        )

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Record refused events; one already there (source and seq) is passed over."""
        rows = [msgspec.structs.asdict(letter) for letter in letters]

        def work() -> None:
            self._run_many("bury", rows)

        await self._file.write(work)

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """Return the newest dead letters, oldest of them first."""
        return await self._file.read(
            lambda: [
                DeadLetter(**{column: row[column] for column in DeadLetter.__struct_fields__})
                for row in self._run("dead_letters", {"limit": limit})
            ][::-1]
        )

    async def drop_dead_letters(self, keep: int, most: int) -> int:
        """Forget the oldest dead letters that are not the newest ``keep``; return how many."""
        bounds = {"keep": keep, "most": most}
        return await self._file.write(lambda: len(self._run("drop_dead_letters", bounds)))

    async def add_change(self, body: bytes) -> Change:
        """Record a change under the next number, unless the newest says the same already."""

        def work() -> Change:
            newest = self._first("changes", {"limit": 1})
            if newest is not None and newest["body"] == body:
                return change_of(newest)
            return change_of(self._one("add_change", {"body": body}))

        return await self._file.write(work)

    async def change(self, number: int) -> Change | None:
        """Return a change, None if there is none of that number."""

        def work() -> Change | None:
            row = self._first("change", {"number": number})
            return None if row is None else change_of(row)

        return await self._file.read(work)

    async def changes(self, limit: int) -> Sequence[Change]:
        """Return the newest changes, oldest of them first."""
        return await self._file.read(
            lambda: [change_of(row) for row in self._run("changes", {"limit": limit})][::-1]
        )

    async def set_desired(self, body: bytes) -> None:
        """Record what should be running."""

        def work() -> None:
            self._run("set_desired", {"body": body})

        await self._file.write(work)

    async def desired(self) -> bytes | None:
        """Return what should be running, None if that was never said."""

        def work() -> bytes | None:
            row = self._first("desired", {})
            return None if row is None else bytes(row["body"])

        return await self._file.read(work)

    async def close(self) -> None:
        """Let the file go, after the transaction under way; harmless if repeated."""
        await self._file.close()

    def _run(self, name: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        return self._file.connection.execute(self._queries[name], values).fetchall()

    def _run_many(self, name: str, rows: Sequence[Mapping[str, Any] | tuple[Any, ...]]) -> None:
        self._file.connection.executemany(self._queries[name], rows)

    def _first(self, name: str, values: Mapping[str, Any]) -> sqlite3.Row | None:
        rows = self._run(name, values)
        return rows[0] if rows else None

    def _one(self, name: str, values: Mapping[str, Any]) -> sqlite3.Row:
        (row,) = self._run(name, values)
        return row
