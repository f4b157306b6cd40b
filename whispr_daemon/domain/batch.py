"""A run of market events as fixed 56-byte rows, and the view strategies get of it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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
from whispr_daemon.domain.timeframe import NAME_OF

# One row a market event. What the five floats mean, by kind:
#   kind    open   high   low       close     volume   flags
#   BAR     open   high   low       close     volume   -
#   TRADE   price  price  price     price     size     index into SIDES
#   QUOTE   bid    ask    bid_size  ask_size  -        -
#   CLOCK   -      -      -         -         -        -
#   CHANGE  number -      -         -         -        -
#   SPLIT   factor -      -         -         factor   -
#   CORRECTION as a BAR
# A change is a command to strategies of one kind (the rules); the store has its text by its number.
# Who folds the log hands it over between two batches: a Batch never holds one.
# A correction is a bar of a time for which there was one, or a later one, before: what was said
# stands, and who folds the log again takes it in its place. Nobody gets it as an event.
# The factors of a split are what earlier prices, and earlier volumes, are multiplied by.
# A trade is a degenerate bar, so a kernel over closes reads both.
EVENT_DTYPE: Final = np.dtype(
    [
        ("ts", "<i8"),  # ts_event, ns UTC; of a bar: its END
        ("instrument", "<u4"),  # code from the instrument registry
        ("kind", "u1"),
        ("flags", "u1"),
        ("timeframe", "<u2"),  # index into TIMEFRAMES
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),
    ]
)
Rows = NDArray[Any]  # shape (n,), dtype EVENT_DTYPE
_WHOLE: Final = np.dtype((np.void, EVENT_DTYPE.itemsize))  # a row, whatever it says
NO_INSTRUMENT: Final = 0xFFFFFFFF  # the instrument of a clock tick or change


def change_row(number: int, ts: int) -> Rows:
    """Return a change as the one row of its entry, shape (1,)."""
    row = empty_rows(1)
    row["ts"], row["instrument"], row["kind"], row["open"] = ts, NO_INSTRUMENT, Kind.CHANGE, number
    return row


def empty_rows(count: int) -> Rows:
    """Return ``count`` zeroed rows, shape (count,)."""
    return np.zeros(count, dtype=EVENT_DTYPE)


def copied(rows: Rows) -> Rows:
    """Return rows that may be written to, shape (n,).

    As bytes: numpy copies structures field by field, which takes twenty times as long.
    """
    return _whole(rows).copy().view(EVENT_DTYPE)


def chosen(rows: Rows, which: NDArray[np.bool_]) -> Rows:
    """Return the rows that are marked: all of them are these very rows."""
    if which.all():
        return rows
    # take copies whole rows; an index would copy field by field
    some: Rows = rows.take(np.flatnonzero(which))
    return some


def joined(parts: Sequence[Rows]) -> Rows:
    """Return all rows in order, shape (n,): one part is this very part."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([_whole(part) for part in parts]).view(EVENT_DTYPE)


def inserted(rows: Rows, places: NDArray[np.int64], others: Rows) -> Rows:
    """Return the rows with others put in before some of them, at ``places`` that ascend."""
    return np.insert(_whole(rows), places, _whole(others)).view(EVENT_DTYPE)


def _whole(rows: Rows) -> NDArray[np.void]:
    return np.ascontiguousarray(rows).view(_WHOLE)


class Batch:
    """Rows and the names behind their instrument codes. Cut anywhere, it means the same."""

    __slots__ = ("_events", "_shared", "rows", "symbols")

    def __init__(self, rows: Rows, symbols: Sequence[str], *, shared: bool = False) -> None:
        """``symbols[code]`` is the instrument's name; ``rows`` has shape (n,) of EVENT_DTYPE.

        ``shared``: several strategies get it, so its events are made once and kept.
        """
        self.rows = rows
        self.symbols = symbols
        self._shared = shared
        self._events: Sequence[MarketEvent] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def events(self) -> Iterator[MarketEvent]:
        """Yield each row as a MarketEvent, in order; corrections are none."""
        if not self._shared:
            return self._made()
        if not self._events:
            self._events = tuple(self._made())
        return iter(self._events)

    def _made(self) -> Iterator[MarketEvent]:
        for row in self.rows[self.rows["kind"] != Kind.CORRECTION].tolist():
            yield _event(row, self.symbols)


def _event(row: tuple[Any, ...], symbols: Sequence[str]) -> MarketEvent:
    ts, code, kind, flags, timeframe, first, high, low, close, volume = row
    if kind == Kind.BAR:
        return Bar(
            ts_event=ts,
            instrument=symbols[code],
            timeframe=NAME_OF[timeframe],
            open=first,
            high=high,
            low=low,
            close=close,
            volume=volume,
        )
    if kind == Kind.TRADE:
        return Trade(
            ts_event=ts, instrument=symbols[code], price=close, size=volume, side=SIDES[flags]
        )
    if kind == Kind.QUOTE:
        return Quote(
            ts_event=ts,
            instrument=symbols[code],
            bid=first,
            ask=high,
            bid_size=low,
            ask_size=close,
        )
    if kind == Kind.SPLIT:
        return Split(ts_event=ts, instrument=symbols[code], price=first, volume=volume)
    return ClockTick(ts_event=ts)
