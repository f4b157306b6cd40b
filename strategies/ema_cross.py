"""Signals when a fast moving average crosses a slow one. The strategy to copy for your own."""

import msgspec

from whispr_daemon.domain.events import Bar, MarketEvent, Split
from whispr_daemon.domain.outputs import Direction, Signal


class Average(msgspec.Struct):
    """An exponential moving average that starts as the simple average of its first values."""

    length: int
    count: int = 0
    value: float = 0.0

    def add(self, price: float) -> None:
        """Take one more price in."""
        self.count += 1
        if self.count <= self.length:
            self.value += (price - self.value) / self.count
        else:
            self.value += 2 / (self.length + 1) * (price - self.value)

    @property
    def ready(self) -> bool:
        """Whether it has seen enough prices to mean something."""
        return self.count >= self.length


class Pair(msgspec.Struct):
    """The two averages of one instrument, and which side the fast one was on last."""

    fast: Average
    slow: Average
    side: Direction = ""


class State(msgspec.Struct):
    """All that must survive a crash. Whispr saves and restores it."""

    pairs: dict[str, Pair] = {}


class EmaCross:
    """Goes long when the fast average rises above the slow one, short when it falls below."""

    name = "ema_cross"
    version = "1"

    def __init__(self, fast: int = 13, slow: int = 48, timeframe: str = "1m") -> None:
        """``fast`` and ``slow`` are lengths in bars of ``timeframe``."""
        if not 0 < fast < slow:
            raise ValueError(f"fast is {fast} and slow is {slow}; fast should be the shorter one")
        self.fast = fast
        self.slow = slow
        self.timeframe = timeframe
        self.state = State()

    def on_event(self, event: MarketEvent) -> list[Signal]:
        """Answer one market event: a signal at a cross, else nothing."""
        if isinstance(event, Split):
            self._rescale(event)
        if not isinstance(event, Bar) or event.timeframe != self.timeframe:
            return []
        pair = self.state.pairs.get(event.instrument)
        if pair is None:
            pair = Pair(Average(self.fast), Average(self.slow))
            self.state.pairs[event.instrument] = pair
        pair.fast.add(event.close)
        pair.slow.add(event.close)
        if not pair.slow.ready or pair.fast.value == pair.slow.value:
            return []
        before, pair.side = pair.side, "long" if pair.fast.value > pair.slow.value else "short"
        if before in ("", pair.side):
            return []
        return [
            Signal(
                name="ema_cross",
                instrument=event.instrument,
                direction=pair.side,
                price=event.close,
                data={"fast": pair.fast.value, "slow": pair.slow.value},
            )
        ]

    def _rescale(self, split: Split) -> None:
        """Bring what was made of earlier prices into the terms that hold from now on."""
        pair = self.state.pairs.get(split.instrument)
        if pair is not None:
            pair.fast.value *= split.price
            pair.slow.value *= split.price
