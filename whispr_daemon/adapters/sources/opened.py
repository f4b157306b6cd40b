"""Opens a Parquet or CSV file of market data: its columns, and its rows chunk by chunk."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from whispr_daemon.adapters.sources.shapes import Shape
from whispr_daemon.domain.errors import SourceError

TIME: Final = pa.timestamp("ns", "UTC")
_CSV_TYPES: Final[dict[str, pa.DataType]] = {
    "ts": TIME,
    "symbol": pa.string(),
    "side": pa.string(),
}


class Chunk(NamedTuple):
    """Some rows of a file, one behind the other."""

    before: int  # rows of the file before them
    whole: int  # rows of the file
    columns: pa.Table


Opened = tuple[list[str], Callable[[Shape], Iterator[Chunk]]]


def open_parquet(path: Path, label: str, symbols: Collection[str]) -> Opened:
    """Return the columns of a Parquet file, and what yields its rows by groups of the file.

    Of a group without any of ``symbols`` only its symbols are read.

    Raises:
        SourceError: a column has the wrong type, said when rows are asked for.
        OSError, pa.ArrowException: it cannot be read.
    """
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
            fits, wanted = pa.types.is_timestamp(found) and found.tz is not None, str(TIME)
        elif name in _CSV_TYPES:
            inner = found.value_type if pa.types.is_dictionary(found) else found
            fits = pa.types.is_string(inner) or pa.types.is_large_string(inner)
            wanted = "string"
        else:
            fits = pa.types.is_integer(found) or pa.types.is_floating(found)
            fits, wanted = fits or pa.types.is_decimal(found), "a number"
        if not fits:
            raise SourceError(f"{label}: column {name} is {found}; it should be {wanted}")


def open_csv(path: Path, label: str, _symbols: Collection[str]) -> Opened:
    """Return the columns of a CSV file, and what yields its rows, all of them at once.

    Raises:
        SourceError: a line or field cannot be read, said when rows are asked for.
        OSError, pa.ArrowException: it cannot be read.
    """
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
