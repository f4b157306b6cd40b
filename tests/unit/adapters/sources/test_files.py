"""Files as one stream: how they are merged, numbered, timed and named."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.adapters.sources.files import FileSource
from whispr_daemon.adapters.sources.shapes import SHAPES
from whispr_daemon.adapters.sources.tables import Table
from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.errors import SettingsError, SourceError
from whispr_daemon.domain.events import Bar, Kind, MarketEvent, Quote, Trade
from whispr_daemon.domain.timeframe import DAY, MINUTE

NEW_YEAR = 1_704_067_200_000_000_000
TIME = pa.timestamp("ns", "UTC")


def write(path: Path, text: str) -> Path:
    path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    return path


async def rows_of(source: FileSource, after: int = 0) -> Rows:
    parts = [batch.rows async for batch in source.batches(after)]
    return np.concatenate([empty_rows(0), *parts])


async def events_of(source: FileSource) -> list[MarketEvent]:
    return [
        event
        async for batch in source.batches(0)
        for event in Batch(batch.rows, batch.symbols).events()
    ]


async def test_a_bar_happens_at_its_end(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv",
        """
        ts,symbol,open,high,low,close,volume
        2024-01-01T00:00:00Z,SPY,1,4,0.5,2,100
        """,
    )
    bar = Bar(
        ts_event=NEW_YEAR + MINUTE,
        instrument="SPY",
        timeframe="1m",
        open=1,
        high=4,
        low=0.5,
        close=2,
        volume=100,
    )
    assert await events_of(await FileSource.open([file])) == [bar]
    five = (await events_of(await FileSource.open([file], bars="5m")))[0]
    assert isinstance(five, Bar)
    assert (five.ts_event, five.timeframe) == (NEW_YEAR + 5 * MINUTE, "5m")


async def test_a_trade_happens_when_it_does_and_keeps_its_side(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv",
        """
        ts,symbol,price,size,side
        2024-01-01T01:00:00.000000001+01:00,ES,10.5,3,sell
        2024-01-01T00:00:00.000000002Z,ES,10.25,2,
        """,
    )
    assert await events_of(await FileSource.open([file])) == [
        Trade(ts_event=NEW_YEAR + 1, instrument="ES", price=10.5, size=3, side="sell"),
        Trade(ts_event=NEW_YEAR + 2, instrument="ES", price=10.25, size=2),
    ]


async def test_a_quote_bar_is_the_quote_at_its_end(tmp_path: Path) -> None:
    header = "ts,symbol,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close"
    bare = write(tmp_path / "a.csv", f"{header}\n2024-01-01T00:00Z,EURUSD,1,1,1,1.5,2,2,2,2.5")
    sized = write(
        tmp_path / "b.csv",
        f"{header},bid_size,ask_size\n2024-01-01T00:00Z,SPY,1,1,1,1.5,2,2,2,2.5,7,8",
    )
    assert await events_of(await FileSource.open([bare, sized])) == [
        Quote(ts_event=NEW_YEAR + MINUTE, instrument="EURUSD", bid=1.5, ask=2.5),
        Quote(
            ts_event=NEW_YEAR + MINUTE,
            instrument="SPY",
            bid=1.5,
            ask=2.5,
            bid_size=7,
            ask_size=8,
        ),
    ]


async def test_daily_history_comes_at_its_end_and_before_other_rows_of_that_time(
    tmp_path: Path,
) -> None:
    history = write(
        tmp_path / "daily.csv",
        """
        ts,symbol,open,high,low,close,session
        2023-12-31T00:00:00Z,SPY,1,1,1,1,2023-12-31
        2024-01-01T00:00:00Z,SPY,2,2,2,2,2024-01-01
        """,
    )
    file = write(
        tmp_path / "a.csv",
        """
        ts,symbol,open,high,low,close
        2023-12-31T23:59:00Z,SPY,3,3,3,3
        2024-01-01T23:59:00Z,SPY,4,4,4,4
        2024-01-02T00:00:00Z,SPY,5,5,5,5
        """,
    )
    source = await FileSource.open([file], history=[history])
    found = [(e.ts_event, e.timeframe, e.close) for e in await events_of(source)]  # type: ignore[union-attr]
    assert found == [
        (NEW_YEAR, "1d", 1),
        (NEW_YEAR, "1m", 3),
        (NEW_YEAR + DAY, "1d", 2),
        (NEW_YEAR + DAY, "1m", 4),
        (NEW_YEAR + DAY + MINUTE, "1m", 5),
    ]


async def test_daily_bars_are_known_by_their_spacing_wherever_they_are_given(
    tmp_path: Path,
) -> None:
    file = write(
        tmp_path / "daily.csv",
        """
        ts,symbol,open,high,low,close
        2024-03-08T05:00:00Z,SPY,1,1,1,1
        2024-03-11T04:00:00Z,SPY,1,1,1,1
        2024-03-12T04:00:00Z,SPY,1,1,1,1
        """,
    )
    assert {e.timeframe for e in await events_of(await FileSource.open([file]))} == {"1d"}  # type: ignore[union-attr]


async def test_a_single_row_is_daily_if_it_is_history_or_has_a_session(tmp_path: Path) -> None:
    bare = "ts,symbol,open,high,low,close{}\n2024-01-01T05:00Z,SPY,1,1,1,1{}"
    plain = write(tmp_path / "a.csv", bare.format("", ""))
    session = write(tmp_path / "b.csv", bare.format(",session", ",2024-01-01"))
    as_bars, as_history = await FileSource.open([plain]), await FileSource.open([session], [plain])
    assert [e.timeframe for e in await events_of(as_bars)] == ["1m"]  # type: ignore[union-attr]
    assert [e.timeframe for e in await events_of(as_history)] == ["1d", "1d"]  # type: ignore[union-attr]


async def test_a_row_out_of_order_stays_behind_its_predecessor_and_so_does_one_without_a_time(
    tmp_path: Path,
) -> None:
    first = write(
        tmp_path / "a.csv",
        """
        ts,symbol,price,size
        2024-01-01T00:00:01Z,A,1,1
        2024-01-01T00:00:05Z,A,2,1
        2024-01-01T00:00:02Z,A,3,1
        ,A,4,1
        2024-01-01T00:00:06Z,A,5,1
        """,
    )
    second = write(tmp_path / "b.csv", "ts,symbol,price,size\n2024-01-01T00:00:03Z,B,6,1")
    source = await FileSource.open([first, second])
    rows = await rows_of(source)
    assert rows["close"].tolist() == [1, 6, 2, 3, 4, 5]
    assert rows["ts"].tolist()[4] == 0
    assert [source.describe(seq) for seq in (2, 4, 5)] == [
        "b.csv:row 1",
        "a.csv:row 3",
        "a.csv:row 4",
    ]


async def test_bad_prices_pass_through_for_ingest_to_refuse(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv",
        """
        ts,symbol,open,high,low,close,volume
        2024-01-01T00:00:00Z,SPY,NaN,,-1,inf,
        """,
    )
    row = (await rows_of(await FileSource.open([file])))[0]
    assert np.isnan([row["open"], row["high"], row["volume"]]).all()
    assert (row["low"], row["close"]) == (-1, np.inf)


async def test_only_the_symbols_asked_for_are_read_and_rows_keep_their_place_in_the_file(
    tmp_path: Path,
) -> None:
    count = 1000
    table = pa.table(
        {
            "ts": pa.array(NEW_YEAR + np.arange(count), TIME),
            "symbol": ["A"] * 400 + ["B"] * 10 + ["C"] * 590,
            "price": np.arange(count, dtype=np.float32),
            "size": np.arange(count),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    source = await FileSource.open([tmp_path / "a.parquet"], symbols=["B"])
    batches = [batch async for batch in source.batches(0)]
    assert batches[0].symbols == ("B",)
    assert source.total == 10
    assert source.describe(1) == "a.parquet:row 401"
    assert (await rows_of(source))["close"].tolist() == list(range(400, 410))


async def test_every_way_arrow_writes_texts_numbers_and_times_is_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "ts": pa.array([1_704_067_200], pa.timestamp("s", "America/New_York")),
            "symbol": pa.array(["A"]).dictionary_encode(),
            "price": pa.array(["1.50"]).cast(pa.decimal128(10, 2)),
            "size": pa.array([2**53 + 1], pa.uint64()),
            "side": pa.array([None], pa.large_string()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    (trade,) = await events_of(await FileSource.open([tmp_path / "a.parquet"]))
    assert trade == Trade(ts_event=NEW_YEAR, instrument="A", price=1.5, size=2.0**53)


async def test_a_file_without_rows_is_an_empty_source(tmp_path: Path) -> None:
    source = await FileSource.open([write(tmp_path / "a.csv", "ts,symbol,price,size")])
    assert source.total == 0
    assert await events_of(source) == []


async def test_the_name_follows_the_contents_not_the_folder(tmp_path: Path) -> None:
    text = "ts,symbol,price,size\n2024-01-01T00:00Z,A,1,1\n2024-01-01T00:00Z,B,1,1"
    (tmp_path / "other").mkdir()
    one, same = write(tmp_path / "a.csv", text), write(tmp_path / "other" / "b.csv", text)
    different = write(tmp_path / "c.csv", text.replace("B,1", "B,2"))

    async def name(file: Path, symbols: Sequence[str] = ()) -> str:
        return (await FileSource.open([file], symbols=symbols)).name

    assert await name(one) == await name(same)
    assert len({await name(one), await name(different), await name(one, ["A"])}) == 3


async def test_files_of_one_name_are_told_apart_by_their_path(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    text = "ts,symbol,price,size\n2024-01-01T00:00Z,{},1,1"
    files = [
        write(tmp_path / "a.csv", text.format("A")),
        write(tmp_path / "other" / "a.csv", text.format("B")),
    ]
    source = await FileSource.open(files)
    assert source.describe(2) == f"{files[1]}:row 1"
    assert source.describe(3) == f"row 3 of {source.name}"


@pytest.mark.parametrize("bars", ["", "7m", "1M"])
async def test_an_unknown_bar_length_is_refused(tmp_path: Path, bars: str) -> None:
    with pytest.raises(SettingsError, match=f"no bar length '{bars}'; there are 1s, .* 1w"):
        await FileSource.open([tmp_path / "a.csv"], bars=bars)


async def test_no_file_at_all_is_refused() -> None:
    with pytest.raises(SourceError, match="no file of market data was named"):
        await FileSource.open([])


Times = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=60)


def table_of(label: str, rows: list[tuple[int, int]], timeframe: int) -> Table:
    """Return a file of (instrument, time) rows; a time of 0 is none."""
    made = empty_rows(len(rows))
    made["instrument"] = [instrument for instrument, _ in rows]
    made["ts"] = [ts for _, ts in rows]
    made["kind"] = Kind.BAR
    made["timeframe"] = timeframe
    return Table(
        label=label,
        shape=SHAPES[0],
        has_session=False,
        digest=label,
        found=frozenset("ABCD"),
        rows=made,
        symbols=("D", "B", "A", "C"),
        numbers=np.arange(1, len(rows) + 1),
    )


@given(Times, Times, Times)
async def test_merging_loses_nothing_and_keeps_the_order_of_every_symbol_of_every_file(
    one: list[tuple[int, int]], two: list[tuple[int, int]], daily: list[tuple[int, int]]
) -> None:
    given_rows = {"daily": daily, "one": one, "two": two}
    tables = [
        table_of(label, rows, 16 if label == "daily" else 6) for label, rows in given_rows.items()
    ]
    source = FileSource(tables)
    told = [source.describe(seq).split(":row ") for seq in range(1, source.total + 1)]
    places = [(label, int(number)) for label, number in told]
    assert sorted(places) == sorted(
        (label, number + 1) for label, rows in given_rows.items() for number in range(len(rows))
    )
    seen: dict[tuple[str, int], int] = {}
    latest: dict[tuple[str, int], int] = {}
    keys = []
    for label, number in places:
        instrument, ts = given_rows[label][number - 1]
        group = (label, instrument)
        assert number > seen.get(group, 0)
        seen[group] = number
        latest[group] = max(latest.get(group, -1), ts or -1)
        keys.append((latest[group], label != "daily"))
    assert keys == sorted(keys)
