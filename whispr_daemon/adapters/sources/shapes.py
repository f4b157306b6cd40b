"""What a file of market data may look like: bars, trades or quote bars, told by its columns."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import msgspec

from whispr_daemon.domain.errors import SourceError
from whispr_daemon.domain.events import Kind

COMMON: Final = ("ts", "symbol")  # what every file has


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One way to lay out market data, and how it becomes rows (domain/batch.py)."""

    name: str  # for people
    kind: Kind
    needed: tuple[str, ...]  # columns, beside COMMON
    optional: tuple[str, ...]  # 0 (or no side) where the file has none
    fields: Mapping[str, str]  # float field of a row: column

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column it may use."""
        return (*COMMON, *self.needed, *self.optional)


SHAPES: Final = (
    Shape(
        name="bars",
        kind=Kind.BAR,
        needed=("open", "high", "low", "close"),
        optional=("volume",),
        fields={column: column for column in ("open", "high", "low", "close", "volume")},
    ),
    Shape(
        name="trades",
        kind=Kind.TRADE,
        needed=("price", "size"),
        optional=("side",),
        fields={
            "open": "price",
            "high": "price",
            "low": "price",
            "close": "price",
            "volume": "size",
        },
    ),
    Shape(
        name="quote bars",
        kind=Kind.QUOTE,
        needed=("bid_close", "ask_close"),
        optional=("bid_size", "ask_size"),
        fields={"open": "bid_close", "high": "ask_close", "low": "bid_size", "close": "ask_size"},
    ),
)


def shape_of(label: str, found: Sequence[str]) -> Shape:
    """Return the shape of a file with the columns ``found``; ``label`` names the file.

    Raises:
        SourceError: no shape fits, or the one that nearly does lacks a column.
    """
    best = max(SHAPES, key=lambda shape: len(set(shape.needed).intersection(found)))
    if set(best.needed).isdisjoint(found):
        wanted = "; ".join(f"{shape.name}: {', '.join(shape.needed)}" for shape in SHAPES)
        raise SourceError(
            f"{label}: no market data was recognised in the columns {', '.join(found)}; "
            f"beside ts and symbol there should be, for {wanted}"
        )
    missing = [column for column in (*COMMON, *best.needed) if column not in found]
    if missing:
        raise SourceError(
            f"{label}: {best.name} need the column{'s' * (len(missing) > 1)} "
            f"{', '.join(missing)}; found {', '.join(found)}{_suggestion(missing, found)}"
        )
    return best


def _suggestion(missing: Sequence[str], found: Sequence[str]) -> str:
    meant = [f"rename {near!r} to {name!r}" for name in missing if (near := closest(name, found))]
    return f" (did you mean to {' and '.join(meant)}?)" if meant else ""


def closest(name: str, known: Collection[str]) -> str:
    """Return the known name most like ``name``, in any case; empty if none is."""
    by_lower = {word.lower(): word for word in known}
    near = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else ""
