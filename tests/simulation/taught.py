"""A small strategy that is Changing, and what it must say, reckoned from the log alone."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Self

import msgspec
import numpy as np

from whispr_daemon.domain.batch import NO_INSTRUMENT, Batch
from whispr_daemon.domain.events import Bar, Kind
from whispr_daemon.domain.outputs import Alert, Output, Signal
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.ports.event_log import Entry


class Lesson(msgspec.Struct, frozen=True):
    """The body of a change: which symbols to speak of, whose close to name, what to warn of."""

    symbols: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    warning: str = ""
    serial: int = 0  # makes two that say the same two

    def encode(self) -> bytes:
        """Return it as JSON."""
        return msgspec.json.encode(self)


def refs_of(body: bytes) -> tuple[str, ...]:
    """Return what a lesson refers to."""
    return msgspec.json.decode(body, type=Lesson).refs


class Memory(msgspec.Struct):
    """What it remembers: bars seen of the symbols it was told of, and closes of all."""

    number: int = 0
    lesson: Lesson = Lesson()
    seen: dict[str, int] = {}
    closes: dict[str, float] = {}


class Taught:
    """Says a signal for every third bar of a symbol it was told of, since the log's start."""

    name = "taught"
    version = "1"

    def __init__(self, partition: int, partitions: int) -> None:
        self._place = (partition, partitions)
        self.memory = Memory()
        self._new: set[str] = set()

    def on_batch(self, batch: Batch) -> Iterable[Output]:
        """Answer the bars of a batch."""
        assert not (batch.rows["kind"] == Kind.CHANGE).any()
        told = self.memory
        for event in batch.events():
            if not isinstance(event, Bar):
                continue
            told.closes[event.instrument] = event.close
            if event.instrument not in told.lesson.symbols or not self._home(event.instrument):
                continue
            seen = told.seen[event.instrument] = told.seen.get(event.instrument, 0) + 1
            if seen % 3 == 0:
                level = sum(told.closes.get(each, 0.0) for each in told.lesson.refs)
                yield Signal(
                    name=f"third{told.number}",
                    instrument=event.instrument,
                    ts_event=event.ts_event,
                    level=level,
                    data={"seen": seen},
                )

    def _home(self, symbol: str) -> bool:
        return partition_of(symbol, self._place[1]) == self._place[0]

    def change(self, number: int, body: bytes, ts_event: int) -> Iterable[Output]:
        """Take a lesson; what it counted of symbols that stay is kept."""
        lesson = msgspec.json.decode(body, type=Lesson)
        self._new = set(lesson.symbols) - set(self.memory.lesson.symbols)
        self.memory.number, self.memory.lesson = number, lesson
        self.memory.seen = {
            symbol: seen for symbol, seen in self.memory.seen.items() if symbol in lesson.symbols
        }
        return [Alert(message=lesson.warning)] if lesson.warning else []

    def unlearned(self) -> Self | None:
        """Return one told the same that has seen nothing."""
        if not self._new:
            return None
        fresh = type(self)(*self._place)
        fresh.memory.lesson = self.memory.lesson
        return fresh

    def learn(self, other: Any) -> None:
        """Take the counts of what is new."""
        for symbol in self._new & other.memory.seen.keys():
            self.memory.seen[symbol] = other.memory.seen[symbol]

    def snapshot(self) -> bytes:
        """Return the counts: what it is to do with them is the change's."""
        return msgspec.json.encode((self.memory.seen, self.memory.closes))

    def restore(self, body: bytes) -> None:
        """Take the counts back."""
        counts = msgspec.json.decode(body, type=tuple[dict[str, int], dict[str, float]])
        self.memory.seen, self.memory.closes = counts


def reckoned(
    entries: Sequence[Entry],
    symbols: Sequence[str],
    lessons: Sequence[Lesson],
    place: tuple[int, int],
) -> list[tuple[Any, ...]]:
    """Return what a Taught says over a partition: kind, name, instrument, ts, level, seen."""
    rows = np.concatenate([entry.rows for entry in entries])
    seen: dict[str, int] = defaultdict(int)
    closes: dict[str, float] = {}
    number, lesson = 0, Lesson()
    said: list[tuple[Any, ...]] = []
    for row in rows:
        if row["kind"] == Kind.CHANGE:
            number = int(row["open"])
            lesson = lessons[number - 1]
            if lesson.warning and place[0] == 0:
                said.append(("Alert", "info", "", int(row["ts"]), None, lesson.warning))
        elif row["instrument"] != NO_INSTRUMENT:
            symbol = symbols[row["instrument"]]
            closes[symbol] = float(row["close"])
            if partition_of(symbol, place[1]) != place[0]:
                continue
            seen[symbol] += 1
            if symbol in lesson.symbols and seen[symbol] % 3 == 0:
                level = sum(closes.get(each, 0.0) for each in lesson.refs)
                told = (symbol, int(row["ts"]), level, seen[symbol])
                said.append(("Signal", f"third{number}", *told))
    return said


def spoken(output: Output) -> tuple[Any, ...]:
    """Return an output as :func:`reckoned` does."""
    last = output.message if isinstance(output, Alert) else output.data["seen"]
    kind = type(output).__name__
    return (kind, output.name, output.instrument, output.ts_event, output.level, last)
