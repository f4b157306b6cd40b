"""Values of other clocks and other symbols, as they were last complete at each evaluation."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from whispr_daemon.domain.timeframe import DAY as DAY_LENGTH
from whispr_daemon.rules.column import ORDER, SLOT, TS, Column, ended, is_whole
from whispr_daemon.rules.columns.carrying import (
    INTS,
    KNOWN,
    Carried,
    Freshness,
    Readers,
    Sources,
    carry,
    carry_recipe,
)
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.maker import Maker
from whispr_daemon.rules.columns.slots import picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.functions.folds import NAN
from whispr_daemon.rules.jit import Function

_STALE_BARS: Final = 3


class JoinMaker(Maker):
    """Carries columns of one desk to the rows of another."""

    def __init__(
        self, desk: Desk, key: str, other: Desk, carried: dict[Column, Column], symbol: str
    ) -> None:
        """``carried`` maps columns there to columns here; ``symbol`` empty: the row's own."""
        super().__init__(desk, key)
        self.other = other
        self.symbol = symbol
        self._carried = carried
        self.table: Table = Table(len(carried), INTS)
        self._limit = freshness(desk, other) if symbol else Freshness(0, 0)
        self._lasting = [int(column.part == "count") for column in carried.values()]

    @property
    @override
    def reads(self) -> Iterator[tuple[Desk, Column]]:
        return ((self.other, column) for column in self._carried)

    @override
    def counts(self, column: Column, slots: int) -> NDArray[np.int64]:
        """Return what a column of this desk was last given; all have the same of one symbol."""
        place = list(self._carried.values()).index(column)
        found = self.table.counts(KNOWN, slots)
        there = np.flatnonzero(found)
        found[there] = self.table.floats[there, place]
        if self.symbol:
            found[:] = found[self.desk.places.known(self.symbol)]
        return found

    @override
    def fill(self) -> None:
        here, there = self.desk, self.other
        if here.frame is None and there.frame is None:
            return
        rows, reads = there.count, here.count
        kernel = here.compiler.compiled(carry_recipe(len(self._carried)), max(rows, reads))
        if kernel is not None:
            self._fill_many(kernel, rows, reads)
            return
        out = Carried([[NAN] * reads for _ in self._carried], [0] * reads)
        state = self.table.state(here.places.slots)
        carry((rows, reads), self._sources(), self._readers(), state, self._limit, out)
        if self.symbol:
            here.values[ended(self.key)] = out.ended
        for column, values in zip(self._carried.values(), out.values, strict=True):
            whole = is_whole(column)
            here.values[column] = [0 if x != x else int(x) for x in values] if whole else values

    def _fill_many(self, kernel: Function, rows: int, reads: int) -> None:
        here = self.desk
        out = Carried(
            tuple(np.full(reads, NAN) for _ in self._carried), np.zeros(reads, dtype=np.int64)
        )
        state = self.table.arrays(here.places.slots)
        kernel((rows, reads), self._many_sources(), self._many_readers(), state, self._limit, out)
        if self.symbol:
            here.values[ended(self.key)] = out.ended
        for column, values in zip(self._carried.values(), out.values, strict=True):
            here.values[column] = _whole(values) if is_whole(column) else values

    def _many_sources(self) -> Sources:
        """Return the same as :meth:`_sources`, as arrays."""
        there, lasting = self.other, np.array(self._lasting, dtype=np.int64)
        if there.frame is None:
            none = np.empty(0, dtype=np.int64)
            return Sources(
                none, none, none, none, none, tuple(np.empty(0) for _ in self._carried), lasting
            )
        where, at, read = there.frame.where, there.frame.evaluated, there.values.array
        return Sources(
            read(ORDER),
            read(TS),
            read(SLOT),
            _flat(where.date, at),
            _flat(where.last, at),
            tuple(read(column).astype(np.float64, copy=False) for column in self._carried),
            lasting,
        )

    def _many_readers(self) -> Readers:
        """Return the same as :meth:`_readers`, as arrays."""
        here = self.desk
        if here.frame is None:
            none = np.empty(0, dtype=np.int64)
            return Readers(none, none, none, none, none, none)
        where, at, read = here.frame.where, here.frame.evaluated, here.values.array
        slot = read(SLOT)
        if self.symbol:
            slot = np.full(len(slot), here.places.known(self.symbol))
        parts = (_flat(part, at) for part in (where.date, where.before, where.first))
        return Readers(read(ORDER), read(TS), slot, *parts)

    def _sources(self) -> Sources:
        there, lasting = self.other, self._lasting
        if there.frame is None:
            return Sources([], [], [], [], [], [[] for _ in self._carried], lasting)
        where, at = there.frame.where, there.frame.evaluated
        return Sources(
            there.order,
            there.ts,
            there.slot,
            picked(where.date, at).tolist(),
            picked(where.last, at).tolist(),
            [there.values[column] for column in self._carried],
            lasting,
        )

    def _readers(self) -> Readers:
        here = self.desk
        if here.frame is None:
            return Readers([], [], [], [], [], [])
        where, at = here.frame.where, here.frame.evaluated
        slot = here.slot
        if self.symbol:
            slot = [here.places.known(self.symbol)] * len(slot)
        return Readers(
            here.order,
            here.ts,
            slot,
            picked(where.date, at).tolist(),
            picked(where.before, at).tolist(),
            picked(where.first, at).tolist(),
        )


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.where(values == values, values, 0.0).astype(np.int64)


def _flat(column: NDArray[Any], at: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.ascontiguousarray(picked(column, at), dtype=np.int64)


def freshness(desk: Desk, other: Desk) -> Freshness:
    """Return how old values of another symbol may be: as its rule says, else 3 of their bars."""
    length = other.clock.length
    limit = max(desk.clock.stale_after or _STALE_BARS * length, length)
    if length >= DAY_LENGTH:
        return Freshness(0, limit // DAY_LENGTH * 7 // 5 + 3)  # weekends and holidays are in it
    return Freshness(limit, 0)
