"""Rows as events: each kind comes out as it went in."""

import pytest

from whispr_daemon.domain.batch import EVENT_DTYPE, Batch, Rows
from whispr_daemon.domain.events import Bar, ClockTick, MarketEvent, Quote, Split, Trade
from whispr_daemon.domain.timeframe import MINUTE, NANOS_OF, TIMEFRAMES
from whispr_daemon.testing import batch

BAR = Bar(
    ts_event=3 * MINUTE,
    instrument="SPY",
    timeframe="1m",
    open=1.0,
    high=2.0,
    low=0.5,
    close=1.5,
    volume=7.0,
)


@pytest.mark.parametrize(
    "event",
    [
        BAR,
        Trade(ts_event=5, instrument="SPY", price=1.25, size=3.0, side="sell"),
        Trade(ts_event=5, instrument="SPY", price=1.25, size=3.0),
        Quote(ts_event=5, instrument="SPY", bid=1.0, ask=1.5, bid_size=2.0, ask_size=4.0),
        Split(ts_event=5, instrument="SPY", price=0.5, volume=2.0),
        ClockTick(ts_event=MINUTE),
    ],
)
def test_an_event_laid_out_as_a_row_is_read_back_the_same(event: MarketEvent) -> None:
    assert list(batch([event]).events()) == [event]


@pytest.mark.parametrize("name", [name for name, nanos in TIMEFRAMES if nanos])
def test_every_bar_length_keeps_its_name_and_start(name: str) -> None:
    bar = Bar(
        ts_event=100 * max(NANOS_OF), instrument="S", timeframe=name, open=1, high=1, low=1, close=1
    )
    (found,) = batch([bar]).events()
    assert isinstance(found, Bar)
    assert (found.timeframe, found.ts_start) == (name, bar.ts_start)


def test_a_row_has_56_bytes() -> None:
    assert EVENT_DTYPE.itemsize == 56


def test_events_come_in_the_order_of_rows_and_cut_anywhere_they_are_the_same() -> None:
    rows: Rows = batch([BAR, ClockTick(ts_event=9), BAR]).rows
    whole = list(Batch(rows, ("SPY",)).events())
    for cut in range(4):
        parts = (Batch(part, ("SPY",)) for part in (rows[:cut], rows[cut:]))
        assert [event for part in parts for event in part.events()] == whole


def test_the_time_of_an_event_is_exact_to_the_microsecond() -> None:
    assert ClockTick(ts_event=1_720_000_000_123_456_999).time.microsecond == 123_456
