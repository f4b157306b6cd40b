"""Where a store may be, and a unit as its host sees it."""

import sqlite3
from pathlib import Path

import asyncpg

from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.domain.outputs import Output, Sealer, Signal, chain, written
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import Commit, Snapshot, Store


class Sqlite:
    """A file, opened as often as a test wishes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def open(self) -> Store:
        return await SqliteStore.open(self.path)

    async def execute(self, sql: str) -> None:
        """What no method of a store would do."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(sql)
        connection.close()

    async def pretend_version(self, version: int) -> None:
        await self.execute(f"PRAGMA user_version = {version}")


class Postgres:
    """A database, opened as often as a test wishes."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.url = f"{server.url.rpartition('/')[0]}/{name}"

    async def open(self) -> Store:
        return await PostgresStore.open(self.url, self.server.password)

    async def execute(self, sql: str, *, url: str = "") -> None:
        """What no method of a store would do."""
        connection = await asyncpg.connect(url or self.url, password=self.server.password)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def pretend_version(self, version: int) -> None:
        await self.execute(f"INSERT INTO schema_version VALUES ({version})")


Place = Sqlite | Postgres


def at(seq: int) -> Position:
    return Position(1, seq)


def signal(name: str, ts_event: int = 1_700_000_000_000_000_000) -> Output:
    said = Signal(name=name, instrument="SPY", level=1.1, data={"é": [1, "\u2028", 0.1]})
    return Sealer("rule", "1").seal(said, ts_event)


class Unit:
    """A unit as its host sees it: each commit goes on where the last one ended."""

    def __init__(self, store: Store, name: str = "rules/0") -> None:
        self.store = store
        self.name = name
        self.epoch = 0
        self.wm = ORIGIN
        self.out_seq = 0
        self.out_hash = ""

    async def claim(self, owner: str = "me", start: Position = ORIGIN) -> Snapshot | None:
        claim = await self.store.claim(self.name, 0, owner, start)
        mark = claim.mark
        self.epoch, self.wm = mark.epoch, mark.wm
        self.out_seq, self.out_hash = mark.out_seq, mark.out_hash
        return claim.snapshot

    def next(self, *outputs: Output, snapshot: bytes | None = None) -> Commit:
        new = Position(1, self.wm.seq + 1)
        out_seq, out_hash = self.out_seq + len(outputs), self.out_hash
        for output in outputs:
            out_hash = chain(out_hash, output)
        taken = Snapshot(
            position=new,
            out_seq=out_seq,
            out_hash=out_hash,
            code_version="7",
            codec="msgpack",
            body=snapshot or b"",
        )
        return Commit(
            unit_id=self.name,
            epoch=self.epoch,
            old=self.wm,
            new=new,
            out_seq=out_seq,
            out_hash=out_hash,
            outputs=tuple(map(written, outputs)),
            snapshot=None if snapshot is None else taken,
        )

    async def say(self, *outputs: Output, snapshot: bytes | None = None) -> Commit:
        commit = self.next(*outputs, snapshot=snapshot)
        await self.store.commit(commit)
        self.wm, self.out_seq, self.out_hash = commit.new, commit.out_seq, commit.out_hash
        return commit
