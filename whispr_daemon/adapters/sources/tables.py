"""One Parquet or CSV file as rows, in the order of the file; errors name file, line and column."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from whispr_daemon.adapters.sources.shapes import Shape, shape_of
from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.errors import SourceError
from whispr_daemon.domain.events import SIDES, Kind

_TIME: Final = pa.timestamp("ns", "UTC")
_CSV_TYPES: Final[dict[str, pa.DataType]] = {
    "ts": _TIME,
    "symbol": pa.string(),
    "side": pa.string(),
}
_ENDINGS: Final = (".parquet", ".pq", ".csv", ".csv.gz")

_AT_ONCE: Final = 8_192  # rows that are filled in together: they fit the processor's cache


class Chunk(NamedTuple):
    """Some rows of a file, one behind the other."""

    before: int  # rows of the file before them
    whole: int  # rows of the file
    columns: pa.Table


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
    opened = _open_csv if ".csv" in path.suffixes else _open_parquet
    try:
        with path.open("rb") as file:
            digest = file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()
        columns, chunks = opened(path, label, symbols)
        builder = _Builder(label, shape_of(label, columns), symbols)
        for chunk in chunks(builder.shape):
            builder.add(chunk)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{label}: cannot be read: {error}") from error
    return builder.table(has_session="session" in columns, digest=digest)


Opened = tuple[list[str], Callable[[Shape], Iterator[Chunk]]]


def _open_parquet(path: Path, label: str, symbols: Collection[str]) -> Opened:
    schema = pq.read_schema(path)

    def chunks(shape: Shape) -> Iterator[Chunk]:
        _check_types(label, shape, schema)
        columns = [name for name in shape.columns if name in schema.names]
        before = 0
        # A text is read once and numbered from there on, as it stands in the file.
        with pq.ParquetFile(path, read_dictionary=["symbol"]) as file:
            others = [name for name in columns if name != "symbol"]
            whole = file.metadata.num_rows
            for group in range(file.num_row_groups):
                # The symbols first: a group without a symbol wished is not read further.
                names = file.read_row_group(group, columns=["symbol"])
                if symbols and not _any_of(names["symbol"], symbols):
                    yield Chunk(before, whole, names)
                else:
                    found = file.read_row_group(group, columns=others)
                    found = found.append_column("symbol", names["symbol"])
                    yield Chunk(before, whole, found)
                before += names.num_rows

    return list(schema.names), chunks


def _any_of(column: Any, symbols: Collection[str]) -> bool:
    return not set(pc.unique(column).to_pylist()).isdisjoint(symbols)


def _check_types(label: str, shape: Shape, schema: pa.Schema) -> None:
    for name in shape.columns:
        if name not in schema.names:
            continue
        found = schema.field(name).type
        if name == "ts":
            fits, wanted = pa.types.is_timestamp(found) and found.tz is not None, str(_TIME)
        elif name in _CSV_TYPES:
            inner = found.value_type if pa.types.is_dictionary(found) else found
            fits = pa.types.is_string(inner) or pa.types.is_large_string(inner)
            wanted = "string"
        else:
            fits = pa.types.is_integer(found) or pa.types.is_floating(found)
            fits, wanted = fits or pa.types.is_decimal(found), "a number"
        if not fits:
            raise SourceError(f"{label}: column {name} is {found}; it should be {wanted}")


def _open_csv(path: Path, label: str, _symbols: Collection[str]) -> Opened:
    # Only the header counts here; a bad row is refused, with its line, when it is read.
    lenient = pa_csv.ParseOptions(invalid_row_handler=lambda _row: "skip")
    with pa_csv.open_csv(path, parse_options=lenient) as opened:
        names = list(opened.schema.names)

    def chunks(shape: Shape) -> Iterator[Chunk]:
        columns = [name for name in shape.columns if name in names]
        convert = pa_csv.ConvertOptions(
            include_columns=columns,
            column_types={name: _CSV_TYPES.get(name, pa.float64()) for name in columns},
        )
        # One thread: only then does an error know its line.
        reading = pa_csv.ReadOptions(use_threads=False)
        try:
            found = pa_csv.read_csv(path, read_options=reading, convert_options=convert)
        except pa.ArrowInvalid as error:
            raise SourceError(_csv_error(label, names, str(error))) from error
        yield Chunk(0, found.num_rows, found)

    return names, chunks


def _csv_error(label: str, names: Sequence[str], said: str) -> str:
    line = re.search(r"Row #(\d+)", said)
    where = f"{label}:{line[1]}" if line else label
    found = re.search(r"column #(\d+).*?conversion error to (\w+).*?'(.*?)'", said)
    if not found:
        return f"{where}: {said}"
    column, wanted, value = names[int(found[1])], found[2], found[3]
    if wanted == "timestamp":
        return (
            f"{where}: {column} is {value!r}; it should be ISO 8601 with Z or an offset, "
            "e.g. 2024-01-02T14:30:00Z"
        )
    return f"{where}: {column} is {value!r}; it should be a number"


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
    nanos = column.cast(_TIME).cast(pa.int64())
    return np.asarray(pc.fill_null(nanos, 0).to_numpy())


def _floats(column: Any) -> NDArray[np.float64]:
    # Unsafe: an integer above 2**53 is rounded, not refused.
    return np.asarray(pc.fill_null(column.cast(pa.float64(), safe=False), np.nan).to_numpy())
