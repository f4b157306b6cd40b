"""What a partition does not hold of instruments that are at home in others: their past.

Since a change that refers to them their rows come here, too; those before it are only at home. Who
learns the log up to here has them all: the past from home, put among the rows of this partition as
ingest would have put them, references first in each moment.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.moments import intraday
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.engine.partitions import CHANGES
from whispr_daemon.engine.reader import Reader
from whispr_daemon.ports.event_log import Entry

_WAIT: Final = 0.2  # seconds

Keys = NDArray[np.int64]  # shape (n, 3)


class Past(NamedTuple):
    """The rows of some instruments before a change, from where they are at home."""

    change: int  # what comes after it stands in this partition
    rows: Rows  # in order
    keys: Keys  # of the rows
    codes: Sequence[int]  # of the instruments
    symbols: Sequence[str]  # by instrument code


async def read_past(
    reader: Reader, symbols: Collection[str], change: int, *, wait: bool = True
) -> Past:
    """Read the past of symbols that are not at home here; it may have to wait for the change.

    A change comes to all partitions, one after the other: where it is not yet, it will be. Who does
    not ``wait`` gets what is there.
    """
    names: dict[int, set[str]] = defaultdict(set)
    for symbol in symbols:
        home = partition_of(symbol, reader.partitions)
        if home != reader.partition:
            names[home].add(symbol)
    parts = [empty_rows(0)]
    keys: list[Keys] = [np.zeros((0, 3), dtype=np.int64)]
    known = await reader.instruments()
    for home in sorted(names) if change else ():
        there, codes = reader.of(home), _codes(known, names[home])
        order, position, before = _Order(), ORIGIN, True
        while before:
            read = await there.read(position, _WAIT if wait else 0.0)
            before = wait or len(read) > 0
            for entry in read:
                before = before and entry.marks.get(CHANGES, 0) < change
                if before:
                    mine = np.isin(entry.rows["instrument"], codes)
                    keys.append(order.keys(entry.rows)[mine])
                    parts.append(entry.rows[mine])
                position = entry.position
    rows, place = np.concatenate(parts), np.concatenate(keys)
    sorted_ = np.lexsort(place.T[::-1])  # stable
    codes = _codes(known, frozenset[str]().union(*names.values()))
    return Past(change, rows[sorted_], place[sorted_], codes, known)


class Merged:
    """The entries of this partition with the past of others among their rows."""

    def __init__(self, past: Past) -> None:
        """Entries are to come in order, from the first that is retained."""
        self._past = past
        self._order = _Order()
        self._keys = list(map(tuple, past.keys.tolist()))
        self._taken = 0  # rows of the past

    @property
    def symbols(self) -> Sequence[str]:
        """The instruments by code."""
        return self._past.symbols

    def with_past(self, entry: Entry) -> Entry:
        """Return an entry with the rows that come before its last."""
        past = self._past
        own = entry.rows
        over = self._over(entry)
        if not past.codes or (over and self._taken == len(past.rows)):
            return entry
        if over:
            rest = past.rows[self._taken :]
            self._taken = len(past.rows)
            return msgspec.structs.replace(entry, rows=np.concatenate([rest, own]))
        keys = self._order.keys(own)
        stay = ~np.isin(own["instrument"], past.codes)
        own, keys = own[stay], keys[stay]
        if not len(own):
            return msgspec.structs.replace(entry, rows=own)
        end = bisect_right(self._keys, tuple(keys[-1].tolist()))
        begin, self._taken = self._taken, max(self._taken, end)
        theirs = slice(begin, self._taken)
        rows = np.concatenate([past.rows[theirs], own])
        place = np.concatenate([past.keys[theirs], keys])
        return msgspec.structs.replace(entry, rows=rows[np.lexsort(place.T[::-1])])

    def _over(self, entry: Entry) -> bool:
        return entry.marks.get(CHANGES, 0) >= self._past.change


class _Order:
    """Where rows of a partition stand in a time that is the same in all: they share the ticks."""

    def __init__(self) -> None:
        self._tick = self._reached = self._time = 0

    def keys(self, rows: Rows) -> Keys:
        """Return for each row the last tick, the time reached, and a daily bar's own; they grow.

        A tick comes before all that shares it.
        """
        if not len(rows):
            return np.zeros((0, 3), dtype=np.int64)
        tick, moves = rows["kind"] == Kind.CLOCK, intraday(rows)
        ticks = np.maximum.accumulate(np.where(tick, rows["ts"], self._tick))
        reached = np.maximum.accumulate(np.where(moves, rows["ts"], self._reached))
        time = np.where(moves, reached, rows["ts"])
        time[0] = max(time[0], self._time)
        time = np.maximum.accumulate(time)
        self._tick, self._reached, self._time = int(ticks[-1]), int(reached[-1]), int(time[-1])
        return np.stack([ticks, reached, np.where(tick, 0, time)], axis=1)


def _codes(symbols: Sequence[str], names: Collection[str]) -> list[int]:
    return [code for code, symbol in enumerate(symbols) if symbol in names]
