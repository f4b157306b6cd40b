"""Market data from Parquet and CSV files, merged into one stream ordered by event time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from whispr_daemon.adapters.sources.shapes import closest
from whispr_daemon.adapters.sources.splits import Prices, ZoneOf, read_splits
from whispr_daemon.adapters.sources.tables import Table, read_table
from whispr_daemon.adapters.sources.timing import set_time, sort_keys
from whispr_daemon.domain.batch import Rows, copied, empty_rows, inserted, joined
from whispr_daemon.domain.errors import SettingsError, SourceError
from whispr_daemon.domain.timeframe import CODE_OF, DAILY
from whispr_daemon.ports.source import SourceBatch

_BATCH: Final = 16_384  # rows, almost a megabyte
_SHOWN: Final = 12  # symbols in a message


class Splits(msgspec.Struct, frozen=True):
    """Files of splits and dividends, and where the days of an instrument begin."""

    files: Sequence[Path]
    zone_of: ZoneOf


class FileSource:
    """Every row of some files, numbered 1, 2, 3 … in the order of event time.

    All rows are held in memory, about 72 bytes each. The name is computed from the contents of the
    files, so the same files under other names or in another folder are the same source.

    Order: a bar comes at its end, a trade at its time. A row that is out of order within its file
    (per symbol) stays right behind its predecessor, still out of order, so that it is seen and
    refused with its position instead of silently sorted in; so does a row without a time (ts 0).
    At equal times daily bars come first, then splits, then history before files, then the order of
    the files.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        """``tables`` are read and timed (:meth:`open`); their order decides between equals."""
        self._symbols = tuple(sorted({name for table in tables for name in table.symbols}))
        self._labels = tuple(table.label for table in tables)
        self._numbers = tuple(table.numbers for table in tables)
        self._begins = np.cumsum([0, *(len(table.rows) for table in tables)])
        self._rows = _Gathered([_recoded(table, self._symbols) for table in tables])
        keys = np.concatenate([sort_keys(table) for table in tables])
        late = np.concatenate([table.rows["timeframe"] != DAILY for table in tables])
        self._order = np.lexsort((late, keys))  # stable; the last key counts most
        self._name = f"files:{_identity(tables)}"

    @classmethod
    async def open(
        cls,
        files: Sequence[Path],
        history: Sequence[Path] = (),
        symbols: Collection[str] = (),
        bars: str = "1m",
        splits: Splits | None = None,
    ) -> Self:
        """Read files in a thread. ``history`` are daily bars; ``bars`` is the length of the others.

        A file among ``files`` with daily spacing is taken as daily bars too. ``symbols`` empty
        means all. Of ``splits`` those are taken whose symbols are in the files.

        Raises:
            SourceError: a file cannot be read as asked (said with file, and column or line).
            SettingsError: ``bars`` is no known length.
        """
        return await asyncio.to_thread(cls._load, files, history, symbols, bars, splits)

    @classmethod
    def _load(
        cls,
        files: Sequence[Path],
        history: Sequence[Path],
        symbols: Collection[str],
        bars: str,
        splits: Splits | None,
    ) -> Self:
        if not CODE_OF.get(bars):
            raise SettingsError(f"no bar length {bars!r}; there are {', '.join([*CODE_OF][1:])}")
        if not files:
            raise SourceError("no file of market data was named")
        split = () if splits is None else splits.files
        labels = _labels([*split, *history, *files])
        others = {path: labels.pop(path) for path in split}
        tables = [read_table(path, label, symbols) for path, label in labels.items()]
        _refuse_repeated(tables)
        _refuse_unknown(symbols, tables[len(history) :])
        for place, table in enumerate(tables):
            set_time(table, bars, is_history=place < len(history))
        if splits is not None:
            known = {name for table in tables for name in table.symbols}
            prices = Prices(tables)
            tables[:0] = [
                read_splits(path, label, known, splits.zone_of, prices.before)
                for path, label in others.items()
            ]
        return cls(tables)

    @property
    def name(self) -> str:
        """``files:`` and a hash of the files' contents and what was asked of them."""
        return self._name

    @property
    def total(self) -> int:
        """The number of rows."""
        return len(self._order)

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield the rows numbered above ``after``, up to 16,384 at a time."""
        for start in range(after, self.total, _BATCH):
            rows = self._rows.at(self._order[start : start + _BATCH])
            yield SourceBatch(first_seq=start + 1, symbols=self._symbols, rows=rows)

    def describe(self, seq: int) -> str:
        """Return the file and the data row in it, counted from 1: ``spy.csv:row 120``."""
        if not 1 <= seq <= self.total:
            return f"row {seq} of {self._name}"
        place = self._order[seq - 1]
        file = int(self._begins.searchsorted(place, side="right")) - 1
        return f"{self._labels[file]}:row {self._numbers[file][place - self._begins[file]]}"


class _Gathered:
    """The rows of several files, one file's behind the other's, without a copy of the largest.

    Of many rows most of what a copy takes is the memory: the system hands it out page by page.
    """

    def __init__(self, parts: Sequence[Rows]) -> None:
        largest = max(range(len(parts)), key=lambda at: len(parts[at]))
        self._most = parts[largest]
        self._begin = sum(len(part) for part in parts[:largest])
        self._others = joined([empty_rows(0), *parts[:largest], *parts[largest + 1 :]])

    def at(self, places: NDArray[np.int64]) -> Rows:
        """Return a copy of the rows at some places, shape of ``places``."""
        within = places - self._begin
        is_most = (within >= 0) & (within < len(self._most))
        most: Rows = self._most.take(within[is_most])  # whole rows; an index: field by field
        if len(most) == len(places):
            return most
        there = np.flatnonzero(~is_most)
        other = places[there]
        other = np.where(other < self._begin, other, other - len(self._most))
        return inserted(most, there - np.arange(len(there)), self._others.take(other))


def _labels(paths: Sequence[Path]) -> dict[Path, str]:
    """Return what to call each file: its name, or its path where names are equal."""
    shared = Counter(path.name for path in paths)
    labels = {path: path.name if shared[path.name] == 1 else str(path) for path in paths}
    if len(labels) < len(paths):
        twice = next(path for path, count in Counter(paths).items() if count > 1)
        raise SourceError(f"{twice}: named twice; once is right")
    return labels


def _refuse_repeated(tables: Sequence[Table]) -> None:
    seen: dict[str, str] = {}
    for table in tables:
        other = seen.setdefault(table.digest, table.label)
        if other != table.label:
            raise SourceError(f"{table.label}: is the same as {other}; name one of them")


def _refuse_unknown(symbols: Collection[str], tables: Sequence[Table]) -> None:
    found = set[str]().union(*(table.found for table in tables))
    for symbol in symbols:
        if symbol not in found:
            near = closest(symbol, found)
            listed = sorted(found)[:_SHOWN]
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise SourceError(
                f"no rows of {symbol!r} in {', '.join(table.label for table in tables)}"
                f"{f' (did you mean {near!r}?)' if near else ''}; found {', '.join(listed)}{more}"
            )


def _recoded(table: Table, symbols: Sequence[str]) -> Rows:
    place = {name: code for code, name in enumerate(symbols)}
    codes = np.array([place[name] for name in table.symbols], np.uint32)
    if np.array_equal(codes, np.arange(len(codes))):
        return table.rows
    rows = copied(table.rows)
    rows["instrument"] = codes[rows["instrument"]]
    return rows


def _identity(tables: Sequence[Table]) -> str:
    digest = blake2b(digest_size=8)
    for table in tables:
        timeframes = np.unique(table.rows["timeframe"]).tolist()
        digest.update(repr((table.digest, sorted(table.symbols), timeframes)).encode())
    return digest.hexdigest()
