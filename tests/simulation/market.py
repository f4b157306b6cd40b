"""A small market to test with: rows, a source that is cut anywhere, strategies of each kind."""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from random import Random
from typing import Final

import msgspec
import numpy as np

from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.events import Bar, ClockTick, Kind, MarketEvent
from whispr_daemon.domain.outputs import Alert, Output, Signal
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.timeframe import CODE_OF, MINUTE
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.source import SourceBatch

START: Final = 1_704_205_800 * 1_000_000_000  # 2024-01-02T14:30Z
SYMBOLS: Final = ("SPY", "QQQ", "IWM", "DIA")


def bar_rows(count: int, symbols: int = 1, seed: int = 0) -> Rows:
    """Return one-minute bars, each minute one of each symbol, shape (count,)."""
    walk = np.random.default_rng(seed).normal(0, 0.1, count).cumsum() + 100
    rows = empty_rows(count)
    index = np.arange(count)
    rows["ts"] = START + (index // symbols + 1) * MINUTE
    rows["instrument"] = index % symbols
    rows["kind"], rows["timeframe"] = Kind.BAR, CODE_OF["1m"]
    rows["open"], rows["close"], rows["volume"] = walk, walk + 0.05, 100
    rows["high"], rows["low"] = walk + 0.1, walk - 0.1
    return rows


def entries(rows: Rows, cuts: Sequence[int], epoch: int = 1, source: str = "file") -> list[Entry]:
    """Return the rows as log entries, cut before the given indices."""
    edges = [0, *sorted(set(cuts) - {0, len(rows)}), len(rows)]
    return [
        Entry(
            position=Position(epoch, number),
            source=source,
            marks={source: end},
            offset=end,
            rows=rows[begin:end],
        )
        for number, (begin, end) in enumerate(pairwise(edges), start=1)
    ]


class ScriptedSource:
    """Rows in batches of seeded sizes; the feed breaks once before each of some numbers."""

    def __init__(
        self, rows: Rows, symbols: Sequence[str], clock: Clock, seed: int = 0, breaks: int = 0
    ) -> None:
        """``breaks`` is how often the feed breaks."""
        self._rows, self._symbols, self._clock = rows, symbols, clock
        self._random = Random(seed)
        self._breaks = set(self._random.sample(range(1, len(rows) + 1), breaks))

    @property
    def name(self) -> str:
        """The name its marks are kept under."""
        return "file"

    @property
    def total(self) -> int | None:
        """How many rows there are."""
        return len(self._rows)

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield the rows after a number."""
        while after < len(self._rows):
            await self._clock.sleep(0)
            if after + 1 in self._breaks:
                self._breaks.discard(after + 1)
                raise Transient("the feed broke")
            end = min(len(self._rows), after + self._random.randint(1, 7))
            end = min([end, *(seq - 1 for seq in self._breaks if after + 1 < seq <= end)])
            yield SourceBatch(
                first_seq=after + 1, symbols=self._symbols, rows=self._rows[after:end]
            )
            after = end

    def describe(self, seq: int) -> str:
        """Say where a row stands."""
        return f"file.csv:{seq + 1}"


class Tally(msgspec.Struct):
    """What the strategies here remember: enough to say something else if a row is lost."""

    seen: dict[str, int] = {}
    total: float = 0.0
    ticks: int = 0

    def answer(self, event: MarketEvent) -> list[Output]:
        """Say two signals for every third bar of an instrument, an alert for every fourth tick."""
        if isinstance(event, ClockTick):
            self.ticks += 1
            if self.ticks % 4 or not self.seen:
                return []
            return [Alert(message=f"tick {self.ticks}", instrument=min(self.seen))]
        if not isinstance(event, Bar):
            return []
        seen = self.seen[event.instrument] = self.seen.get(event.instrument, 0) + 1
        self.total += event.close
        if seen % 3:
            return []
        return [
            Signal(name="third", direction="up", price=event.close, level=self.total),
            Signal(name="third", direction="down", price=event.close),
        ]


class Stateful:
    """All its state is a Struct."""

    name = "stateful"
    version = "1"

    def __init__(self) -> None:
        self.state = Tally()

    def on_event(self, event: MarketEvent) -> list[Output]:
        """Answer one event."""
        return self.state.answer(event)


class Written:
    """It writes its state itself."""

    name = "written"
    version = "1"

    def __init__(self) -> None:
        self._tally = Tally()

    def on_event(self, event: MarketEvent) -> list[Output]:
        """Answer one event."""
        return self._tally.answer(event)

    def snapshot(self) -> bytes:
        """Return the state."""
        return msgspec.json.encode(self._tally)

    def restore(self, body: bytes) -> None:
        """Take the state back."""
        self._tally = msgspec.json.decode(body, type=Tally)


class Unwritten:
    """Its state cannot be written: after a crash it folds the log from the start."""

    name = "unwritten"
    version = "1"

    def __init__(self) -> None:
        self._tally = Tally()

    def on_event(self, event: MarketEvent) -> list[Output]:
        """Answer one event."""
        return self._tally.answer(event)


KINDS: Final = (Stateful, Written, Unwritten)
