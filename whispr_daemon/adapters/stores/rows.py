"""Rows of either store to values, and values to rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol
from zlib import crc32

from whispr_daemon.domain.errors import Fatal, Fenced, Poison
from whispr_daemon.domain.outputs import decode
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.store import Change, Commit, Snapshot, StoredOutput, UnitMark

SNAPSHOTS_KEPT: Final = 3


class Row(Protocol):
    """What ``sqlite3.Row`` and ``asyncpg.Record`` have in common."""

    def __getitem__(self, column: str, /) -> Any:
        """Return the value of a column."""
        ...


def mark_of(row: Row) -> UnitMark:
    """Return a unit's mark."""
    return UnitMark(
        epoch=row["epoch"],
        start=Position.unpack(row["start"]),
        wm=Position.unpack(row["wm"]),
        out_seq=row["out_seq"],
        out_hash=row["out_hash"],
    )


def newest_valid(rows: Iterable[Row]) -> Snapshot | None:
    """Return the first snapshot whose body still has its CRC-32; rows come newest first."""
    return next(valid(rows), None)


def valid(rows: Iterable[Row]) -> Iterator[Snapshot]:
    """Yield the snapshots whose bodies still have their CRC-32, in the order of the rows."""
    for row in rows:
        body = bytes(row["body"])
        if crc32(body) == row["crc"]:
            yield Snapshot(
                position=Position.unpack(row["pos"]),
                out_seq=row["out_seq"],
                out_hash=row["out_hash"],
                code_version=row["code_version"],
                codec=row["codec"],
                body=body,
            )


def snapshot_row(unit_id: str, snapshot: Snapshot) -> Mapping[str, Any]:
    """Return the columns of a snapshot, in the order of the table."""
    return {
        "unit_id": unit_id,
        "pos": snapshot.position.pack(),
        "out_seq": snapshot.out_seq,
        "out_hash": snapshot.out_hash,
        "code_version": snapshot.code_version,
        "codec": snapshot.codec,
        "crc": crc32(snapshot.body),
        "body": snapshot.body,
    }


def output_rows(commit: Commit, *last: int) -> Sequence[tuple[str | int, ...]]:
    """Return the columns of a commit's outputs, in the order of the table; ``last`` ends each."""
    unit_id, first = commit.unit_id, commit.out_seq - len(commit.outputs) + 1
    return [
        (
            unit_id,
            number,
            one.id,
            one.kind,
            one.ts_event,
            one.instrument,
            one.origin,
            one.name,
            one.body.decode(),
            *last,
        )
        for number, one in enumerate(commit.outputs, first)
    ]


def stored_output(row: Row) -> StoredOutput:
    """Return a committed output."""
    return StoredOutput(
        unit_id=row["unit_id"],
        out_seq=row["out_seq"],
        created=row["created"],
        output=decode(row["body"]),
    )


def change_of(row: Row) -> Change:
    """Return a change of the rules."""
    return Change(number=row["number"], body=bytes(row["body"]), created=row["created"])


def check_out_seq(commit: Commit, stored: int) -> None:
    """Refuse a commit whose outputs do not continue the stored ones without a gap.

    Raises:
        Fatal: ``stored``, the number the unit's newest output gets, is not the commit's.
    """
    if stored != commit.out_seq:
        raise Fatal(
            f"{commit.unit_id}: the commit counts its newest output as {commit.out_seq}, "
            f"after those stored it is {stored}; the unit's state is not the store's"
        )


def check_epoch(what: str, mine: int, row: Row | None) -> None:
    """Refuse a zombie.

    Raises:
        Fenced: ``row``, what the store has under ``what``, is of another epoch, or None.
    """
    if row is None or row["epoch"] != mine:
        raise Fenced(f"{what}: epoch {mine} does not hold it; a newer owner has taken over")


def id_taken(commit: Commit, taken: Iterable[str]) -> Poison:
    """Return the refusal of a commit that repeats an id; ``taken`` are ids that are stored."""
    stored = set(taken)
    seen: set[str] = set()
    for output in commit.outputs:
        if output.id in stored or output.id in seen:
            return Poison(
                f"{commit.unit_id}: output id {output.id} ({output.origin} {output.name} "
                f"{output.instrument}) is already taken by another output; an id is computed from "
                "what is said, so two origins or versions must not share a name"
            )
        seen.add(output.id)
    return Poison(f"{commit.unit_id}: an output is already there; its id was taken meanwhile")
