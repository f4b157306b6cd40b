"""For strategy authors: run a strategy over bars, and check that it is a fold, without a daemon.

from whispr_daemon.testing import bars, check, run

def test_it_goes_long() -> None:
    rising = bars("SPY", "2024-01-02T14:30Z", [10, 9, 8, 9, 11])
    assert [s.direction for s in run(MyStrategy(), rising)] == ["long"]

def test_it_survives_a_crash_anywhere() -> None:
    check(MyStrategy, rising)
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import numpy as np

from whispr_daemon.domain.batch import NO_INSTRUMENT, Batch, empty_rows
from whispr_daemon.domain.events import (
    SIDES,
    Bar,
    ClockTick,
    Kind,
    MarketEvent,
    Quote,
    Split,
    Trade,
)
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
from whispr_daemon.engine.fold import Fold
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.strategy import ColumnarStrategy, Snapshotting, Strategy

AnyStrategy: TypeAlias = Strategy | ColumnarStrategy
Events: TypeAlias = Batch | Iterable[MarketEvent]

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00Z")
_CUTS: Final = (1, 2, 3, 7)  # rows a batch


def bars(
    symbol: str, start: str, closes: Sequence[float], timeframe: str = "1m", volume: float = 100.0
) -> list[Bar]:
    """Make bars without a gap from their closes; each opens where the one before it closed.

    ``start`` is the start of the first bar as a chart shows it, ISO 8601 with Z or an offset:
    ``2024-01-02T09:30-05:00``. The first bar's ``ts_event`` is one bar later.
    """
    first = datetime.fromisoformat(start)
    if first.tzinfo is None:
        raise ValueError(f"start is {start!r}; it should have Z or an offset: {start}Z")
    length = NANOS_OF[CODE_OF[timeframe]]
    ts_start = (first - _EPOCH) // timedelta(microseconds=1) * 1000
    return [
        Bar(
            ts_event=ts_start + (place + 1) * length,
            instrument=symbol,
            timeframe=timeframe,
            open=float(opened),
            high=float(max(opened, close)),
            low=float(min(opened, close)),
            close=float(close),
            volume=volume,
        )
        for place, (opened, close) in enumerate(zip([*closes[:1], *closes], closes, strict=False))
    ]


def batch(events: Events) -> Batch:
    """Lay events out as the rows a columnar strategy gets."""
    if isinstance(events, Batch):
        return events
    listed = list(events)
    names = {e.instrument for e in listed if not isinstance(e, ClockTick)}
    codes = {name: code for code, name in enumerate(sorted(names))}
    rows = empty_rows(len(listed))
    for place, event in enumerate(listed):
        rows[place] = _row(event, codes)
    return Batch(rows, tuple(codes))


def run(strategy: AnyStrategy, events: Events) -> list[Output]:
    """Return everything the strategy says to the events, sealed as the daemon would seal it."""
    return _outputs(_fold(strategy), batch(events))


def check(new_strategy: Callable[[], AnyStrategy], events: Events) -> None:
    """Check that a strategy is a fold: same events, same outputs, wherever it stops and resumes.

    ``new_strategy`` builds it anew. It is run twice; with batches cut in several ways; and, where
    its state can be saved, with the state saved and restored into a new one after every event.

    Raises:
        AssertionError: with the first difference.
    """
    whole = batch(events)
    fold = _fold(new_strategy())
    expected = _outputs(fold, whole)
    _compare("run a second time", expected, run(new_strategy(), whole))
    for cut in _CUTS:
        _compare(f"with batches of {cut}", expected, _outputs(_fold(new_strategy()), whole, cut))
    if not fold.snapshots:
        return
    resumed = _fold(new_strategy())
    found: list[Output] = []
    for entry in _entries(whole, 1):
        found += resumed.take(entry, whole.symbols)
        snapshot = resumed.snapshot()
        resumed = _fold(new_strategy())
        resumed.restore(snapshot)
    how = "with its state restored after every event"
    _compare(how, expected, found)
    kept, lost = _state_of(fold), _state_of(resumed)
    if kept != lost:
        raise AssertionError(f"{how}, it ends with the state {lost!r} instead of {kept!r}")


def _fold(strategy: AnyStrategy) -> Fold:
    return Fold(strategy, strategy.name, strategy.version)


def _outputs(fold: Fold, whole: Batch, cut: int | None = None) -> list[Output]:
    entries = _entries(whole, cut or max(1, len(whole)))
    return [output for entry in entries for output in fold.take(entry, whole.symbols)]


def _entries(whole: Batch, cut: int) -> Iterator[Entry]:
    """Cut a batch into log entries of ``cut`` rows."""
    for start in range(0, len(whole), cut):
        end = min(start + cut, len(whole))
        yield Entry(
            position=Position(1, end),
            source="test",
            marks={"test": end},
            offset=end,
            rows=whole.rows[start:end],
        )


def _state_of(fold: Fold) -> object:
    strategy = fold.strategy
    return strategy.snapshot() if isinstance(strategy, Snapshotting) else fold.state


def _compare(how: str, expected: Sequence[Output], found: Sequence[Output]) -> None:
    for place in range(max(len(expected), len(found))):
        wanted = expected[place] if place < len(expected) else None
        got = found[place] if place < len(found) else None
        if wanted != got:
            raise AssertionError(
                f"{how}, output {place + 1} is {got or 'missing'} instead of {wanted or 'nothing'}"
            )


def _row(event: MarketEvent, codes: dict[str, int]) -> tuple[float, ...]:
    """Return one event in the order of EVENT_DTYPE's fields."""
    nan = np.nan
    match event:
        case Bar():
            prices = (event.open, event.high, event.low, event.close, event.volume)
            timeframe = CODE_OF[event.timeframe]
            return (event.ts_event, codes[event.instrument], Kind.BAR, 0, timeframe, *prices)
        case Trade():
            side, price = SIDES.index(event.side), event.price
            prices = (price, price, price, price, event.size)
            return (event.ts_event, codes[event.instrument], Kind.TRADE, side, 0, *prices)
        case Quote():
            prices = (event.bid, event.ask, event.bid_size, event.ask_size, 0.0)
            return (event.ts_event, codes[event.instrument], Kind.QUOTE, 0, 0, *prices)
        case Split():
            factors = (event.price, 0.0, 0.0, 0.0, event.volume)
            return (event.ts_event, codes[event.instrument], Kind.SPLIT, 0, 0, *factors)
        case ClockTick():
            return (event.ts_event, NO_INSTRUMENT, Kind.CLOCK, 0, 0, nan, nan, nan, nan, nan)
