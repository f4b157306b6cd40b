"""What is wrong with a file is said with the file, the place, and what would be right."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from whispr_daemon.adapters.sources.files import FileSource
from whispr_daemon.domain.errors import SourceError

GOOD = "ts,symbol,open,high,low,close\n2024-01-01T00:00:00Z,SPY,1,1,1,1\n"


async def refused(
    *files: Path, history: tuple[Path, ...] = (), symbols: tuple[str, ...] = ()
) -> str:
    with pytest.raises(SourceError) as caught:
        await FileSource.open(files, history=history, symbols=symbols)
    return str(caught.value)


def csv(folder: Path, text: str, name: str = "a.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


async def test_a_missing_column_is_named_with_those_found_and_the_likely_mistake(
    tmp_path: Path,
) -> None:
    file = csv(tmp_path, GOOD.replace("close", "Close").replace("ts", "timestamp"))
    assert await refused(file) == (
        "a.csv: bars need the columns ts, close; found timestamp, symbol, open, high, low, Close "
        "(did you mean to rename 'Close' to 'close'?)"
    )


async def test_a_file_that_is_no_market_data_is_told_what_market_data_looks_like(
    tmp_path: Path,
) -> None:
    assert await refused(csv(tmp_path, "name,address\nA,B\n")) == (
        "a.csv: no market data was recognised in the columns name, address; beside ts and symbol "
        "there should be, for bars: open, high, low, close; trades: price, size; "
        "quote bars: bid_close, ask_close"
    )


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert await refused(tmp_path / "b.parquet") == "b.parquet: there is no such file"
    assert await refused(tmp_path) == f"{tmp_path.name}: is a folder, name its files"


async def test_a_file_of_another_kind(tmp_path: Path) -> None:
    assert await refused(csv(tmp_path, GOOD, "a.txt")) == (
        "a.txt: the name should end in one of .parquet, .pq, .csv, .csv.gz"
    )


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
async def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert (await refused(tmp_path / name)).startswith(f"{name}: cannot be read: ")


async def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    table = pa.table({"ts": pa.array([0], pa.timestamp("ns", "UTC")), "symbol": ["A"]})
    pq.write_table(
        table.append_column("price", [[1.0]]).append_column("size", [[1.0]]), tmp_path / "a.parquet"
    )
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[:4] + b"\xff" * 60 + whole[64:])
    assert (await refused(tmp_path / "a.parquet")).startswith("a.parquet: cannot be read: ")


async def test_a_symbol_that_no_file_has(tmp_path: Path) -> None:
    file = csv(tmp_path, GOOD)
    assert await refused(file, symbols=("SPY", "SPQ")) == (
        "no rows of 'SPQ' in a.csv (did you mean 'SPY'?); found SPY"
    )


async def test_a_symbol_that_only_the_history_has(tmp_path: Path) -> None:
    file, history = csv(tmp_path, GOOD), csv(tmp_path, GOOD.replace("SPY", "QQQ"), "h.csv")
    assert await refused(file, history=(history,), symbols=("QQQ",)) == (
        "no rows of 'QQQ' in a.csv; found SPY"
    )


@pytest.mark.parametrize("wrong", ["2024-01-01T00:01:00", "2024-01-01", "1704067260", "noon"])
async def test_a_time_without_an_offset_is_refused_with_its_line(
    tmp_path: Path, wrong: str
) -> None:
    file = csv(tmp_path, f"{GOOD}{wrong},SPY,1,1,1,1\n")
    assert await refused(file) == (
        f"a.csv:3: ts is '{wrong}'; it should be ISO 8601 with Z or an offset, "
        "e.g. 2024-01-02T14:30:00Z"
    )


async def test_a_price_that_is_no_number_is_refused_with_its_line(tmp_path: Path) -> None:
    file = csv(tmp_path, f"{GOOD}2024-01-01T00:01:00Z,SPY,1,1,l,1\n")
    assert await refused(file) == "a.csv:3: low is 'l'; it should be a number"


async def test_a_line_with_too_few_fields_is_refused_with_its_number(tmp_path: Path) -> None:
    assert (await refused(csv(tmp_path, f"{GOOD}2024-01-01T00:01:00Z,SPY\n"))).startswith(
        "a.csv:3: CSV parse error"
    )


@pytest.mark.parametrize(
    ("column", "wrong", "said"),
    [
        ("ts", pa.array([0], pa.timestamp("ns")), "is timestamp[ns]; it should be timestamp[ns, "),
        ("ts", pa.array([0]), "is int64; it should be timestamp[ns, tz=UTC]"),
        ("symbol", pa.array([7]), "is int64; it should be string"),
        ("price", pa.array(["7"]), "is string; it should be a number"),
        ("size", pa.array([True]), "is bool; it should be a number"),
        ("side", pa.array([1]), "is int64; it should be string"),
    ],
)
async def test_a_column_of_the_wrong_type(
    tmp_path: Path, column: str, wrong: pa.Array, said: str
) -> None:
    columns = {
        "ts": pa.array([0], pa.timestamp("ns", "UTC")),
        "symbol": pa.array(["A"]),
        "price": pa.array([1.0]),
        "size": pa.array([1]),
        "side": pa.array(["buy"]),
    }
    pq.write_table(pa.table({**columns, column: wrong}), tmp_path / "a.parquet")
    assert f"a.parquet: column {column} {said}" in await refused(tmp_path / "a.parquet")


async def test_a_row_without_a_symbol(tmp_path: Path) -> None:
    file = csv(tmp_path, f"{GOOD}2024-01-01T00:01:00Z,,1,1,1,1\n")
    assert await refused(file) == "a.csv:row 2: symbol is empty; every row needs one"


async def test_a_side_that_is_none(tmp_path: Path) -> None:
    text = "ts,symbol,price,size,side\n2024-01-01T00:00Z,A,1,1,buy\n2024-01-01T00:00Z,A,1,1,B\n"
    assert await refused(csv(tmp_path, text)) == (
        "a.csv:row 2: side is 'B'; it should be buy, sell or empty"
    )


async def test_a_time_beyond_what_nanoseconds_can_say(tmp_path: Path) -> None:
    far = pa.table(
        {
            "ts": pa.array([2**40], pa.timestamp("s", "UTC")),
            "symbol": ["A"],
            "price": [1.0],
            "size": [1.0],
        }
    )
    pq.write_table(far, tmp_path / "a.parquet")
    assert (await refused(tmp_path / "a.parquet")).startswith("a.parquet: cannot be read: ")


async def test_the_same_data_given_twice(tmp_path: Path) -> None:
    file, copy = csv(tmp_path, GOOD), csv(tmp_path, GOOD, "copy.csv")
    assert await refused(file, file) == f"{file}: named twice; once is right"
    assert await refused(file, copy) == "copy.csv: is the same as a.csv; name one of them"


async def test_history_that_is_not_daily(tmp_path: Path) -> None:
    minutes = csv(tmp_path, f"{GOOD}2024-01-01T00:01:00Z,SPY,1,1,1,1\n", "h.csv")
    trades = csv(tmp_path, "ts,symbol,price,size\n2024-01-01T00:00Z,SPY,1,1\n", "t.csv")
    file = csv(tmp_path, GOOD)
    assert await refused(file, history=(minutes,)) == (
        "h.csv: history should be daily bars; these are 60 s apart"
    )
    assert await refused(file, history=(trades,)) == (
        "t.csv: history should be daily bars; these are trades"
    )
