"""What happens in a market: bars, trades, quotes, splits, and the ticks of the log's own clock."""

from datetime import UTC, datetime
from enum import IntEnum
from typing import Literal, TypeAlias

from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
from whispr_daemon.domain.value import Value


class Kind(IntEnum):
    """The kind of a market event, as stored in a row's ``kind`` byte."""

    BAR = 1
    TRADE = 2
    QUOTE = 3
    CLOCK = 4
    CHANGE = 5  # of what the strategy is made of; see batch.EVENT_DTYPE
    SPLIT = 6
    CORRECTION = 7  # a bar of a time that was passed: for history only; see batch.EVENT_DTYPE


Side: TypeAlias = Literal["", "buy", "sell"]
SIDES: tuple[Side, ...] = ("", "buy", "sell")


class Event(Value, frozen=True, kw_only=True, gc=False):
    """What every market event has: when it happened, in int64 nanoseconds UTC.

    It holds text and numbers alone, so the garbage collector has nothing to find in it.
    """

    ts_event: int

    @property
    def time(self) -> datetime:
        """``ts_event`` as an aware datetime (microseconds; the nanoseconds are in ``ts_event``)."""
        return datetime.fromtimestamp(self.ts_event // 1000 / 1_000_000, tz=UTC)


class Bar(Event, frozen=True, kw_only=True, tag="bar"):
    """A completed bar. It happens at its end: ``ts_event`` is the end, ``ts_start`` the label."""

    instrument: str
    timeframe: str
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0

    @property
    def ts_start(self) -> int:
        """The bar's start, ns UTC."""
        return self.ts_event - NANOS_OF[CODE_OF[self.timeframe]]


class Trade(Event, frozen=True, kw_only=True, tag="trade"):
    """A market print. ``side`` is the aggressor's, empty where the source has none."""

    instrument: str
    price: float
    size: float
    side: Side = ""


class Quote(Event, frozen=True, kw_only=True, tag="quote"):
    """The best bid and ask."""

    instrument: str
    bid: float
    ask: float
    bid_size: float = 0.0
    ask_size: float = 0.0


class Split(Event, frozen=True, kw_only=True, tag="split"):
    """From ``ts_event`` on an instrument trades in other terms: a split, or a dividend.

    Earlier prices times ``price``, and earlier volumes times ``volume``, are in the new terms: 0.5
    and 2 of a split 2:1; 0.99 and 1 of a dividend of 1 on a close of 100.
    """

    instrument: str
    price: float
    volume: float = 1.0


class ClockTick(Event, frozen=True, kw_only=True, tag="clock"):
    """The source's event time has passed ``ts_event``, a whole minute.

    It goes to every partition, before the event that caused it. An instrument that lags the others
    may still have events up to it to come.
    """


MarketEvent: TypeAlias = Bar | Trade | Quote | Split | ClockTick
