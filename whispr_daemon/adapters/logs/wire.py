"""How an entry of the log is written: a small header and the rows as they are in memory."""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np

from whispr_daemon.domain.batch import EVENT_DTYPE, Rows
from whispr_daemon.domain.errors import Fatal
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.event_log import Entry

FORMAT: Final = 1  # of headers, rows and what a log says about itself


class _Header(msgspec.Struct, frozen=True, array_like=True):
    format: int
    source: str
    marks: Mapping[str, int]
    offset: int
    ts_ingest: int


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Header)


def encode_header(entry: Entry) -> bytes:
    """Return all of an entry but its position and rows, as msgpack."""
    return _encoder.encode(
        _Header(FORMAT, entry.source, entry.marks, entry.offset, entry.ts_ingest)
    )


def encode_rows(entry: Entry) -> bytes:
    """Return the rows as they are: 56 bytes each, little endian."""
    if entry.rows.dtype != EVENT_DTYPE:
        raise Fatal(f"entry {entry.position}: rows are {entry.rows.dtype}, not EVENT_DTYPE")
    return entry.rows.tobytes()


def kept(entry: Entry, rows: bytes) -> Entry:
    """Return an entry as it would be read back; ``rows`` are its own, as they were written."""
    return Entry(
        position=entry.position,
        source=entry.source,
        marks=entry.marks,
        offset=entry.offset,
        ts_ingest=entry.ts_ingest,
        rows=np.frombuffer(rows, dtype=EVENT_DTYPE),
    )


def decode(partition: int, position: Position, header: bytes, rows: bytes) -> Entry:
    """Read an entry back; its rows are a read-only view, nothing is parsed per row.

    Raises:
        Fatal: it is not an entry of this format.
    """
    place = f"the log's partition {partition}, position {position}"
    try:
        found = _decoder.decode(header)
        view: Rows = np.frombuffer(rows, dtype=EVENT_DTYPE)
    except (msgspec.DecodeError, ValueError) as error:
        raise Fatal(f"{place}: not an entry of the market log: {error}") from error
    if found.format != FORMAT:
        raise Fatal(f"{place}: entry of format {found.format}, this whispr reads {FORMAT}")
    return Entry(
        position=position,
        source=found.source,
        marks=found.marks,
        offset=found.offset,
        ts_ingest=found.ts_ingest,
        rows=view,
    )
