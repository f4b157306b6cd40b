"""Files of splits and dividends: rows in the stream, before the day they are about."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from whispr_daemon.adapters.sources.files import FileSource, Splits
from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.errors import SourceError
from whispr_daemon.domain.events import Bar, MarketEvent, Split

BARS = """ts,symbol,open,high,low,close
2026-06-23T19:59:00Z,SPY,100,100,100,100
2026-06-23T19:59:00Z,QQQ,80,80,80,80
2026-06-24T13:30:00Z,SPY,50,50,50,50
2026-06-24T13:30:00Z,QQQ,80,80,80,80
"""
MIDNIGHT = 1_782_273_600_000_000_000  # 2026-06-24T04:00Z, midnight in New York


async def events(folder: Path, splits: str, symbols: Sequence[str] = ()) -> list[MarketEvent]:
    (folder / "bars.csv").write_text(BARS)
    (folder / "splits.csv").write_text(splits)
    given = Splits([folder / "splits.csv"], lambda _symbol: "America/New_York")
    source = await FileSource.open([folder / "bars.csv"], symbols=symbols, splits=given)
    return [
        event
        async for batch in source.batches(0)
        for event in Batch(batch.rows, batch.symbols).events()
    ]


@pytest.mark.parametrize(
    ("written", "price", "volume"),
    [
        ("ratio\nSPY,2026-06-24,2:1", 0.5, 2.0),
        ("ratio\nSPY,2026-06-24,1:10", 10.0, 0.1),
        ("price_factor\nSPY,2026-06-24,0.25", 0.25, 1.0),
        ("price_factor,volume_factor\nSPY,2026-06-24,0.25,4", 0.25, 4.0),
        ("dividend\nSPY,2026-06-24,1", 0.99, 1.0),
        ("ratio,dividend\nSPY,2026-06-24,2:1,1", 0.495, 2.0),
    ],
)
async def test_a_split_comes_before_its_day(
    tmp_path: Path, written: str, price: float, volume: float
) -> None:
    found = await events(tmp_path, f"symbol,date,{written}\n")
    assert [type(event) for event in found] == [Bar, Bar, Split, Bar, Bar]
    assert found[2] == Split(ts_event=MIDNIGHT, instrument="SPY", price=price, volume=volume)


async def test_a_moment_may_be_named_and_empty_cells_say_nothing(tmp_path: Path) -> None:
    text = "symbol,ts,ratio,dividend\nSPY,2026-06-24T04:00:00Z,2:1,\nQQQ,2026-06-24T13:00:00Z,,8\n"
    found = [event for event in await events(tmp_path, text) if isinstance(event, Split)]
    assert [(one.instrument, one.price) for one in found] == [("SPY", 0.5), ("QQQ", 0.9)]
    assert found[0].ts_event == MIDNIGHT


async def test_of_other_symbols_nothing_is_taken(tmp_path: Path) -> None:
    text = "symbol,date,ratio\nIWM,2026-06-24,2:1\nQQQ,2026-06-24,2:1\n"
    found = await events(tmp_path, text, symbols=["SPY"])
    assert not any(isinstance(event, Split) for event in found)


async def test_a_parquet_file_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(BARS)
    days = pa.array(np.array(["2026-06-24"], dtype="datetime64[D]"))
    pq.write_table(
        pa.table({"symbol": ["SPY"], "date": days, "price_factor": [0.5]}), tmp_path / "s.parquet"
    )
    given = Splits([tmp_path / "s.parquet"], lambda _symbol: "America/New_York")
    source = await FileSource.open([tmp_path / "bars.csv"], splits=given)
    (batch,) = [batch async for batch in source.batches(0)]
    assert batch.rows["ts"][2] == MIDNIGHT
    assert source.describe(3) == "s.parquet:row 1"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("symbol,date\nSPY,2026-06-24", "ratio, price_factor or dividend; found symbol, date"),
        ("symbol,date,ratio\nSPY,2026-06-24,two", "splits.csv:row 1: ratio is 'two'"),
        ("symbol,date,ratio\nSPY,soon,2:1", "'soon' is no moment"),
        ("symbol,ts,ratio\nSPY,2026-06-24T04:00:00,2:1", "is no moment"),
        ("symbol,date,ratio\nSPY,2026-06-24,", "there is no ratio, price_factor or dividend"),
        ("symbol,date,price_factor\nSPY,2026-06-24,0", "price_factor is '0'"),
        ("symbol,date,dividend\nSPY,2026-06-24,100", "the last close is 100"),
        ("symbol,date,dividend\nSPY,2026-06-01,1", "there is no price before it"),
    ],
)
async def test_a_mistake_is_said_with_its_row(tmp_path: Path, written: str, told: str) -> None:
    with pytest.raises(SourceError) as raised:
        await events(tmp_path, f"{written}\n")
    assert told in str(raised.value)
