"""What every source promises: numbered rows, the same ones again after any number."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.adapters.sources.files import FileSource
from whispr_daemon.adapters.sources.paced import Paced
from whispr_daemon.adapters.sources.simulated import SimulatedSource, Simulation
from whispr_daemon.domain.batch import EVENT_DTYPE, Batch
from whispr_daemon.domain.events import MarketEvent
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.ports.source import Source, SourceBatch

ROWS = 9000  # more than two full batches of files
NEW_YEAR = 1_704_067_200_000_000_000

Opener = Callable[[], Awaitable[Source]]


class HurriedClock(ManualClock):
    """A clock that jumps to the end of every sleep."""

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.advance(seconds)


def bars_table() -> pa.Table:
    """Two symbols, a bar a minute each, with some bars for one of them only."""
    minute = np.arange(ROWS) * 2 // 3
    price = 100 + np.sin(np.arange(ROWS) / 50)
    return pa.table(
        {
            "ts": pa.array(NEW_YEAR + minute * MINUTE, pa.timestamp("ns", "UTC")),
            "symbol": np.where(np.arange(ROWS) % 3 == 0, "QQQ", "SPY"),
            "open": price,
            "high": price + 1,
            "low": price - 1,
            "close": price + 0.25,
            "volume": np.arange(ROWS),
        }
    )


async def parquet(folder: Path) -> Source:
    """Return bars from a Parquet file of several row groups."""
    pq.write_table(bars_table(), folder / "bars.parquet", row_group_size=2000)
    return await FileSource.open([folder / "bars.parquet"])


async def csv(folder: Path) -> Source:
    """Return the same from a CSV file."""
    pa_csv.write_csv(bars_table(), folder / "bars.csv")
    return await FileSource.open([folder / "bars.csv"])


async def simulated(_folder: Path) -> Source:
    """Return a simulated market of three sessions, one of them half a day."""
    start = date(2025, 11, 26)  # the day before Thanksgiving
    return SimulatedSource(Simulation(symbols=("SPY", "XYZ"), start=start, sessions=3, history=30))


async def paced(folder: Path) -> Source:
    """Return a file at a pace, with some rows delivered at full speed first."""
    return Paced(await parquet(folder), HurriedClock(), speed=60, live_from_seq=50)


OPENERS = (parquet, csv, simulated, paced)


@pytest.fixture(params=OPENERS, ids=lambda opener: opener.__name__)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the source as a newly started process would."""
    opens: Callable[[Path], Awaitable[Source]] = request.param
    return lambda: opens(tmp_path)


@pytest.fixture
async def source(opener: Opener) -> Source:
    return await opener()


async def read(source: Source, after: int = 0) -> list[SourceBatch]:
    return [batch async for batch in source.batches(after)]


def events(batches: Sequence[SourceBatch]) -> list[MarketEvent]:
    return [event for batch in batches for event in Batch(batch.rows, batch.symbols).events()]


async def test_rows_are_numbered_from_one_without_a_gap(source: Source) -> None:
    expected = 1
    for batch in await read(source):
        assert batch.first_seq == expected
        assert len(batch.rows) >= 1
        expected += len(batch.rows)
    assert source.total == expected - 1


async def test_rows_have_the_layout_of_the_domain_and_known_instruments(source: Source) -> None:
    for batch in await read(source):
        assert batch.rows.dtype == EVENT_DTYPE
        assert batch.rows["instrument"].max() < len(batch.symbols)
        assert len(set(batch.symbols)) == len(batch.symbols)


async def test_good_data_comes_in_the_order_of_event_time(source: Source) -> None:
    times = np.concatenate([batch.rows["ts"] for batch in await read(source)])
    assert (np.diff(times) >= 0).all()


async def test_reading_after_any_number_gives_the_very_same_rows(source: Source) -> None:
    whole = events(await read(source))
    for after in (0, 1, 49, 50, 60, 437, 4096, len(whole) - 1):
        rest = await read(source, after)
        assert events(rest) == whole[after:]
        assert not rest or rest[0].first_seq == after + 1


async def test_after_the_last_number_there_is_nothing(source: Source) -> None:
    assert source.total
    assert await read(source, source.total) == []
    assert await read(source, source.total + 10_000) == []


async def test_a_restarted_process_sees_the_same_name_and_the_same_rows(
    source: Source, opener: Opener
) -> None:
    again = await opener()
    assert (again.name, again.total) == (source.name, source.total)
    assert events(await read(again, 700)) == events(await read(source))[700:]


async def test_what_a_reader_does_to_a_batch_does_not_reach_the_source(source: Source) -> None:
    before = events(await read(source))
    for batch in await read(source):
        batch.rows["instrument"] = 0
        batch.rows["close"] = -1
    assert events(await read(source)) == before


async def test_two_readers_do_not_disturb_each_other(source: Source) -> None:
    one, two = source.batches(0), source.batches(3)
    first = await anext(one)
    other = await anext(two)
    assert first.first_seq == 1
    assert other.first_seq == 4
    assert events([first, *[each async for each in one]]) == events(await read(source))


async def test_every_row_can_be_described(source: Source) -> None:
    assert source.total
    told = {source.describe(seq) for seq in range(1, source.total + 1)}
    assert len(told) == source.total
    assert source.describe(source.total + 1) not in told
