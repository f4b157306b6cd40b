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
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np

from whispr_daemon.domain.batch import NO_INSTRUMENT, Batch, empty_rows
from whispr_daemon.domain.events import SIDES, Bar, ClockTick, Kind, MarketEvent, Quote, Trade
from whispr_daemon.domain.outputs import Alert, Output, Sealer, Signal
from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
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
    return _Fold(strategy).take(batch(events))


def check(new_strategy: Callable[[], AnyStrategy], events: Events) -> None:
    """Check that a strategy is a fold: same events, same outputs, wherever it stops and resumes.

    ``new_strategy`` builds it anew. It is run twice; with its state saved and restored into a new
    one after every event; and, where it takes batches, with batches cut in several ways.

    Raises:
        AssertionError: with the first difference.
    """
    whole = batch(events)
    fold = _Fold(new_strategy())
    expected = fold.take(whole)
    _compare("run a second time", expected, _Fold(new_strategy()).take(whole))
    if isinstance(fold.strategy, ColumnarStrategy):
        for cut in _CUTS:
            found = _Fold(new_strategy()).take_cut(whole, cut)
            _compare(f"with batches of {cut}", expected, found)
    if fold.state is None and not isinstance(fold.strategy, Snapshotting):
        return
    resumed = _Fold(new_strategy())
    found = []
    for part in _cut(whole, 1):
        found += resumed.take(part)
        resumed = resumed.copied_into(new_strategy())
    _compare("with its state restored after every event", expected, found)
    if msgspec.msgpack.encode(resumed.state) != msgspec.msgpack.encode(fold.state):
        raise AssertionError(
            f"with its state restored after every event, it ends with the state {resumed.state!r} "
            f"instead of {fold.state!r}"
        )


class _Fold:
    """A strategy and the numbering of its outputs."""

    def __init__(self, strategy: AnyStrategy) -> None:
        self.strategy = strategy
        self.sealer = Sealer(strategy.name, strategy.version)

    @property
    def state(self) -> msgspec.Struct | None:
        """The strategy's own Struct, where it has one."""
        state = getattr(self.strategy, "state", None)
        return state if isinstance(state, msgspec.Struct) else None

    def take(self, part: Batch) -> list[Output]:
        """Fold a batch; return what is said, sealed."""
        if isinstance(self.strategy, ColumnarStrategy):
            return [
                self.sealer.seal(_said(each, 0, ""), 0) for each in self.strategy.on_batch(part)
            ]
        sealed: list[Output] = []
        for event in part.events():
            instrument = "" if isinstance(event, ClockTick) else event.instrument
            for each in self.strategy.on_event(event):
                sealed.append(
                    self.sealer.seal(_said(each, event.ts_event, instrument), event.ts_event)
                )
        return sealed

    def take_cut(self, whole: Batch, size: int) -> list[Output]:
        """Fold a batch in parts of ``size`` rows."""
        return [output for part in _cut(whole, size) for output in self.take(part)]

    def copied_into(self, fresh: AnyStrategy) -> "_Fold":
        """Save the state and restore it into ``fresh``, as after a crash."""
        if isinstance(self.strategy, Snapshotting) and isinstance(fresh, Snapshotting):
            fresh.restore(self.strategy.snapshot())
        else:
            body = msgspec.msgpack.encode(self.state)
            found: Any = msgspec.msgpack.decode(body, type=type(self.state))
            setattr(fresh, "state", found)  # noqa: B010 - not part of the protocol
        copy = _Fold(fresh)
        copy.sealer = self.sealer
        return copy


def _cut(whole: Batch, size: int) -> Iterator[Batch]:
    for start in range(0, len(whole), size):
        yield Batch(whole.rows[start : start + size], whole.symbols)


def _said(output: Output, ts_event: int, instrument: str) -> Output:
    """Return an output with the event's instrument where it names none."""
    if not isinstance(output, Signal | Alert):
        raise TypeError(f"a strategy says Signal or Alert, this is {type(output).__name__}")
    if not (output.ts_event or ts_event):
        raise ValueError(f"{output.name!r} has no ts_event; on_batch should give each output one")
    if output.instrument or not instrument:
        return output
    return msgspec.structs.replace(output, instrument=instrument)


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
        case ClockTick():
            return (event.ts_event, NO_INSTRUMENT, Kind.CLOCK, 0, 0, nan, nan, nan, nan, nan)
