"""One Parquet or CSV file as rows, in the order of the file; errors name file, line and column."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whispr_daemon.adapters.sources.opened import TIME, Chunk, open_csv, open_parquet
from whispr_daemon.adapters.sources.shapes import Shape, shape_of
from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.errors import SourceError
from whispr_daemon.domain.events import SIDES, Kind

_ENDINGS: Final = (".parquet", ".pq", ".csv", ".csv.gz")
_AT_ONCE: Final = 8_192  # rows that are filled in together: they fit the processor's cache


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A file's rows of the symbols wished."""

    label: str
    shape: Shape
    has_session: bool  # there is a ``session`` column, as daily files have
    digest: str  # of the file's bytes
    found: frozenset[str]  # every symbol in the file, wished or not
    rows: Rows  # ts as in the file (0 for null), instrument indexes ``symbols``, timeframe unset
    symbols: tuple[str, ...]
    numbers: NDArray[np.int64]  # 1-based data row in the file, shape of ``rows``


def read_table(path: Path, label: str, symbols: Collection[str]) -> Table:
    """Read one file; ``symbols`` empty means all.

    Raises:
        SourceError: it is absent, unreadable, lacks a column, or a column has the wrong type.
    """
    if not path.is_file():
        state = "is a folder, name its files" if path.is_dir() else "there is no such file"
        raise SourceError(f"{label}: {state}")
    if not path.name.endswith(_ENDINGS):
        raise SourceError(f"{label}: the name should end in one of {', '.join(_ENDINGS)}")
    opened = open_csv if ".csv" in path.suffixes else open_parquet
    try:
        with ThreadPoolExecutor(1, "digest") as beside:  # it lets go of the interpreter
            digest = beside.submit(_digest, path)
            columns, chunks = opened(path, label, symbols)
            builder = _Builder(label, shape_of(label, columns), symbols)
            for chunk in chunks(builder.shape):
                builder.add(chunk)
            whole = digest.result()
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{label}: cannot be read: {error}") from error
    return builder.table(has_session="session" in columns, digest=whole)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()


class _Builder:
    """Chunks in, one run of rows out."""

    def __init__(self, label: str, shape: Shape, symbols: Collection[str]) -> None:
        self.shape = shape
        self._label = label
        self._wanted = frozenset(symbols)
        self._found: set[str] = set()
        self._codes: dict[str, int] = {}
        self._rows = empty_rows(0)
        self._numbers = np.empty(0, np.int64)
        self._count = 0

    def add(self, chunk: Chunk) -> None:
        """Take one chunk in."""
        before, _, columns = chunk
        codes, wished = self._encode(before, columns["symbol"])
        if not wished.any():
            return
        if not self._count:  # room for all of the file; what nobody writes to takes no memory
            self._rows, self._numbers = empty_rows(chunk.whole), np.empty(chunk.whole, np.int64)
        found: dict[str, NDArray[Any]] = {"ts": _nanos(columns["ts"]), "instrument": codes}
        for field, column in self.shape.fields.items():
            if column in columns.column_names:
                found[field] = _floats(columns[column])
        if self.shape.kind is Kind.TRADE and "side" in columns.column_names:
            found["flags"] = self._sides(before, columns["side"])
        places = np.flatnonzero(wished)
        if len(places) < len(wished):
            found = {field: column[places] for field, column in found.items()}
        end = self._count + len(places)
        self._numbers[self._count : end] = places + before + 1
        _fill(self._rows[self._count : end], self.shape.kind, found)
        self._count = end

    def table(self, *, has_session: bool, digest: str) -> Table:
        """Return all that was added."""
        return Table(
            label=self._label,
            shape=self.shape,
            has_session=has_session,
            digest=digest,
            found=frozenset(self._found),
            rows=self._rows[: self._count],
            symbols=tuple(self._codes),
            numbers=self._numbers[: self._count],
        )

    def _encode(self, before: int, column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return each row's instrument code, and whether it is wished."""
        found, places = _dictionary(column)
        if "" in found and not self._wanted:
            row = before + 1 + int(np.argmax(places == found.index("")))
            raise SourceError(f"{self._label}:row {row}: symbol is empty; every row needs one")
        self._found.update(found)
        codes = np.full(len(found), -1, np.int64)
        for place, name in enumerate(found):
            if not self._wanted or name in self._wanted:
                codes[place] = self._codes.setdefault(name, len(self._codes))
        by_row = codes[places]
        return by_row, by_row >= 0

    def _sides(self, before: int, column: Any) -> NDArray[np.int64]:
        found, places = _dictionary(column)
        known: Mapping[str, int] = {side: code for code, side in enumerate(SIDES)}
        for place, side in enumerate(found):
            if side not in known:
                row = before + 1 + int(np.argmax(places == place))
                raise SourceError(
                    f"{self._label}:row {row}: side is {side!r}; it should be buy, sell or empty"
                )
        return np.array([known[side] for side in found], np.int64)[places]


def _fill(rows: Rows, kind: Kind, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns into rows, all of some rows before the next."""
    for begin in range(0, len(rows), _AT_ONCE):
        some = slice(begin, begin + _AT_ONCE)
        part = rows[some]
        part["kind"] = kind
        for field, column in columns.items():
            part[field] = column[some]


def _dictionary(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct texts of a column and each row's place in them; null is ``""``."""
    if not pa.types.is_dictionary(column.type) or column.null_count:
        column = pc.fill_null(column.cast(pa.large_string()), "").dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    places = encoded.indices.to_numpy().astype(np.int64)
    texts = encoded.dictionary.to_pylist()
    return _appearing(["" if text is None else text for text in texts], places)


def _appearing(texts: list[str], places: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the same, each text once and only those that some row has."""
    used = np.bincount(places, minlength=len(texts)) > 0
    numbers = {
        text: number
        for number, text in enumerate(
            dict.fromkeys(text for text, there in zip(texts, used.tolist(), strict=True) if there)
        )
    }
    if len(numbers) == len(texts):
        return texts, places
    codes = np.array([numbers.get(text, -1) for text in texts], np.int64)
    return list(numbers), codes[places]


def _nanos(column: Any) -> NDArray[np.int64]:
    nanos = column.cast(TIME).cast(pa.int64())
    return np.asarray(pc.fill_null(nanos, 0).to_numpy())


def _floats(column: Any) -> NDArray[np.float64]:
    # Unsafe: an integer above 2**53 is rounded, not refused.
    return np.asarray(pc.fill_null(column.cast(pa.float64(), safe=False), np.nan).to_numpy())
