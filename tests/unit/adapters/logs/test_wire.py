"""Entries as bytes: what is written is read back, what is not ours is named."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.adapters.logs.wire import FORMAT, decode, encode_header, encode_rows, kept
from whispr_daemon.domain.batch import EVENT_DTYPE, empty_rows
from whispr_daemon.domain.errors import Fatal
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.event_log import Entry

AT = Position(3, 14)
INT64 = st.integers(0, 2**63 - 1)


@given(
    source=st.text(),
    marks=st.dictionaries(st.text(), INT64),
    offset=INT64,
    ts_ingest=INT64,
    rows=st.integers(0, 3).flatmap(
        lambda count: st.binary(min_size=56 * count, max_size=56 * count)
    ),
)
def test_an_entry_comes_back_as_it_went(
    source: str, marks: dict[str, int], offset: int, ts_ingest: int, rows: bytes
) -> None:
    entry = Entry(
        position=AT,
        source=source,
        marks=marks,
        offset=offset,
        ts_ingest=ts_ingest,
        rows=np.frombuffer(rows, dtype=EVENT_DTYPE),
    )
    found = decode(0, AT, encode_header(entry), encode_rows(entry))
    assert found.rows.tobytes() == kept(entry, encode_rows(entry)).rows.tobytes() == rows
    assert (found.source, found.marks, found.offset, found.ts_ingest) == (
        *(source, marks),
        *(offset, ts_ingest),
    )


def test_rows_are_read_without_a_copy() -> None:
    raw = encode_rows(Entry(position=AT, rows=empty_rows(4)))
    found = decode(0, AT, encode_header(Entry(position=AT, rows=empty_rows(4))), raw)
    assert np.shares_memory(found.rows, np.frombuffer(raw, dtype=np.uint8))


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (b"", b""),
        (b"not msgpack", b""),
        (msgspec.msgpack.encode({"format": FORMAT}), b""),
        (msgspec.msgpack.encode([FORMAT, "s", {"s": "one"}, 0, 0]), b""),
        (msgspec.msgpack.encode([FORMAT, "s", {}, 0, 0]), b"a broken row"),
    ],
)
def test_what_is_no_entry_is_named_with_its_place(header: bytes, rows: bytes) -> None:
    with pytest.raises(Fatal, match=r"partition 5, position 3-14: not an entry"):
        decode(5, AT, header, rows)


def test_an_entry_of_another_format_is_refused_naming_both() -> None:
    header = msgspec.msgpack.encode([FORMAT + 1, "s", {}, 0, 0])
    with pytest.raises(Fatal, match=rf"position 3-14: entry of format {FORMAT + 1}, .* {FORMAT}"):
        decode(5, AT, header, b"")


def test_rows_of_another_type_are_never_written() -> None:
    with pytest.raises(Fatal, match="float64"):
        encode_rows(Entry(position=AT, rows=np.zeros(3)))
