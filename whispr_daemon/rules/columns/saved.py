"""State of the rules as bytes: flat arrays by name, exact to the bit."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.rules.columns.corrections import Corrected
from whispr_daemon.rules.columns.splits import Factors
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.source import StateBlock

FORMAT: Final = 3
EVERYTHING: Final = StateBlock(slice(None), slice(None))


class Fired(NamedTuple):
    """A signal or alert that was said."""

    ts: int  # ns UTC, of the evaluation
    rule: str
    name: str  # of the signal; of an alert its severity
    price: float | None


class SavedTable(msgspec.Struct, frozen=True, array_like=True):
    """Rows in the order of the snapshot's symbols; little-endian float64 and int64."""

    floats: bytes
    ints: bytes


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot."""

    format: int = FORMAT
    symbols: list[str]
    shared: dict[str, SavedTable]  # by clock and series
    clauses: dict[str, SavedTable]  # by rule, clause and what the clause says
    board: dict[str, SavedTable] = {}  # by signal
    alone: dict[str, SavedTable] = {}  # one row: state that is of no instrument
    splits: dict[str, tuple[Factors, ...]] = {}  # by instrument
    corrections: dict[str, tuple[Corrected, ...]] = {}  # by instrument
    fires: dict[str, tuple[Fired, ...]] = {}  # the last, by instrument


def join(*parts: str) -> str:
    """Return one key of several words."""
    return "\x1f".join(parts)


def encode(saved: Saved) -> bytes:
    """Return a snapshot as bytes."""
    return msgspec.msgpack.encode(saved)


def decode(body: bytes) -> Saved:
    """Read :func:`encode` back.

    Raises:
        StrategyFailed: it is not a snapshot of rules, or one of a newer Whispr.
    """
    try:
        saved = msgspec.msgpack.decode(body, type=Saved)
    except msgspec.MsgspecError as error:
        raise StrategyFailed(f"not a snapshot of rules ({len(body)} bytes): {error}") from error
    if saved.format != FORMAT:
        raise StrategyFailed(
            f"a snapshot of rules in format {saved.format}; this version reads format {FORMAT}"
        )
    return saved


def save_table(table: Table, slots: int, block: StateBlock = EVERYTHING) -> SavedTable:
    """Return the state of the first ``slots`` slots, of one block of columns."""
    table.reserve(slots)
    return SavedTable(
        table.floats[:slots, block.floats].tobytes(), table.ints[:slots, block.ints].tobytes()
    )


def restore_table(
    table: Table, saved: SavedTable, slots: Sequence[int], block: StateBlock = EVERYTHING
) -> None:
    """Copy saved rows to their slots, -1: nobody wants it. Of another shape they stay cold."""
    table.reserve(max(slots, default=-1) + 1)
    floats = np.frombuffer(saved.floats, dtype="<f8")
    ints = np.frombuffer(saved.ints, dtype="<i8")
    wide, narrow = table.floats[:0, block.floats].shape[1], table.ints[:0, block.ints].shape[1]
    if len(floats) != wide * len(slots) or len(ints) != narrow * len(slots):
        return
    wanted = [place for place, slot in enumerate(slots) if slot >= 0]
    into = [slots[place] for place in wanted]
    table.floats[into, block.floats] = floats.reshape(len(slots), wide)[wanted]
    table.ints[into, block.ints] = ints.reshape(len(slots), narrow)[wanted]


def copy_rows(source: Table, target: Table, rows: Iterable[int], slots: Sequence[int]) -> None:
    """Copy rows of one table to another's, row ``n`` into ``slots[n]``; -1: nowhere."""
    wanted = [row for row in rows if slots[row] >= 0 and row < len(source.ints)]
    if not wanted or source.floats.shape[1:] != target.floats.shape[1:]:
        return
    into = [slots[row] for row in wanted]
    target.reserve(max(into) + 1)
    target.floats[into] = source.floats[wanted]
    target.ints[into] = source.ints[wanted]


def clear_rows(table: Table, slots: Iterable[int]) -> None:
    """Make rows what they are at first."""
    rows = [slot for slot in slots if slot < len(table.ints)]
    table.floats[rows] = np.nan
    table.ints[rows] = 0
