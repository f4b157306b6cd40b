"""A small strategy that is Changing, and what it must say, reckoned from the log alone."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Self

import msgspec
import numpy as np

from whispr_daemon.domain.batch import NO_INSTRUMENT, Batch, Rows
from whispr_daemon.domain.events import Bar, Kind
from whispr_daemon.domain.outputs import Alert, Output, Signal
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.rules.columns.splits import Factors, Splits


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
    """What it remembers: bars seen of the symbols it was told of, and all closes, summed up."""

    number: int = 0
    lesson: Lesson = Lesson()
    seen: dict[str, int] = {}
    totals: dict[str, float] = {}


class Taught:
    """Says a signal for every third bar of a symbol it was told of, since the log's start.

    Its level is the total of all closes of what it refers to, in the terms that hold then.
    """

    name = "taught"
    version = "1"

    def __init__(self, partition: int, partitions: int) -> None:
        self._place = (partition, partitions)
        self.memory = Memory()
        self.splits = Splits()
        self._pupil = False
        self._new: set[str] = set()  # whose bars were not counted
        self._strange: set[str] = set()  # whose closes were not summed up, or in other terms

    def on_batch(self, batch: Batch) -> list[Output]:
        """Answer the bars of a batch."""
        kind = batch.rows["kind"]
        assert not (kind == Kind.CHANGE).any()
        splits = np.flatnonzero(kind == Kind.SPLIT)
        assert self._pupil or (kind[len(kind) - len(splits) :] == Kind.SPLIT).all()
        said = list(self._bars(self.splits.rescaled(batch)))
        for row in batch.rows[splits]:
            symbol = batch.symbols[row["instrument"]]
            factors = Factors(int(row["ts"]), float(row["open"]), float(row["volume"]))
            if self.splits.add(symbol, factors):
                self._strange.add(symbol)
        return said

    def _bars(self, batch: Batch) -> Iterable[Output]:
        told = self.memory
        for event in batch.events():
            if not isinstance(event, Bar):
                continue
            name = event.instrument
            told.totals[name] = told.totals.get(name, 0.0) + event.close
            if name not in told.lesson.symbols or not self._home(name):
                continue
            seen = told.seen[name] = told.seen.get(name, 0) + 1
            if seen % 3 == 0:
                level = sum(told.totals.get(each, 0.0) for each in told.lesson.refs)
                yield Signal(
                    name=f"third{told.number}",
                    instrument=name,
                    ts_event=event.ts_event,
                    level=level,
                    data={"seen": seen},
                )

    def _home(self, symbol: str) -> bool:
        return partition_of(symbol, self._place[1]) == self._place[0]

    def change(self, number: int, body: bytes, ts_event: int) -> Iterable[Output]:
        """Take a lesson; what it counted of symbols that stay is kept."""
        lesson, before = msgspec.json.decode(body, type=Lesson), self.memory.lesson
        self._new = set(lesson.symbols) - set(before.symbols)
        self._strange |= {
            symbol for symbol in set(lesson.refs) - set(before.refs) if not self._home(symbol)
        }
        self.memory.number, self.memory.lesson = number, lesson
        self.memory.seen = {
            symbol: seen for symbol, seen in self.memory.seen.items() if symbol in lesson.symbols
        }
        return [Alert(message=lesson.warning)] if lesson.warning else []

    def refers(self) -> tuple[str, ...]:
        """Return what it refers to."""
        return self.memory.lesson.refs

    def unlearned(self) -> Self | None:
        """Return one told the same that has seen nothing, but knows the splits."""
        if not (self._new or self._strange):
            return None
        fresh = type(self)(*self._place)
        fresh.memory.lesson = self.memory.lesson
        fresh.splits = Splits(self.splits.known())
        fresh._pupil = True
        return fresh

    def learns(self) -> tuple[str, ...]:
        """Return nothing: it learns of all."""
        return ()

    def learn(self, other: Any) -> None:
        """Take the counts and totals of what is new."""
        for symbol in self._new & other.memory.seen.keys():
            self.memory.seen[symbol] = other.memory.seen[symbol]
        for symbol in self._strange:
            self.memory.totals[symbol] = other.memory.totals.get(symbol, 0.0)
        self.splits = other.splits
        self._new, self._strange = set(), set()

    def snapshot(self) -> bytes:
        """Return the counts: what it is to do with them is the change's."""
        return msgspec.json.encode((self.memory.seen, self.memory.totals, self.splits.known()))

    def restore(self, body: bytes) -> None:
        """Take the counts back."""
        shape = tuple[dict[str, int], dict[str, float], dict[str, tuple[Factors, ...]]]
        self.memory.seen, self.memory.totals, known = msgspec.json.decode(body, type=shape)
        self.splits = Splits(known)


def reckoned(
    homes: Sequence[Sequence[Entry]], symbols: Sequence[str], lessons: Sequence[Lesson], part: int
) -> list[tuple[Any, ...]]:
    """Return what a Taught says over a partition: kind, name, instrument, ts, level, seen.

    ``homes`` has the entries of every partition.
    """
    parts = [np.concatenate([entry.rows for entry in entries]) for entries in homes]
    seen: dict[str, int] = defaultdict(int)
    totals: dict[str, float] = defaultdict(float)
    number, lesson = 0, Lesson()
    said: list[tuple[Any, ...]] = []
    for row in parts[part]:
        if row["kind"] == Kind.CHANGE:
            number = int(row["open"])
            for symbol in lessons[number - 1].refs:
                home = partition_of(symbol, len(parts))
                if home != part and symbol not in lesson.refs:
                    totals[symbol] = _total(parts[home], symbols.index(symbol), number)
            lesson = lessons[number - 1]
            if lesson.warning and part == 0:
                said.append(("Alert", "info", "", int(row["ts"]), None, lesson.warning))
        elif row["instrument"] != NO_INSTRUMENT:
            symbol = symbols[row["instrument"]]
            totals[symbol] = _after(totals[symbol], row)
            if row["kind"] != Kind.BAR or partition_of(symbol, len(parts)) != part:
                continue
            seen[symbol] += 1
            if symbol in lesson.symbols and seen[symbol] % 3 == 0:
                level = sum(totals[each] for each in lesson.refs)
                told = (symbol, int(row["ts"]), level, seen[symbol])
                said.append(("Signal", f"third{number}", *told))
    return said


def _total(rows: Rows, code: int, change: int) -> float:
    """Return the closes of an instrument before a change, summed up."""
    total = 0.0
    place = np.flatnonzero((rows["kind"] == Kind.CHANGE) & (rows["open"] == change))[0]
    for row in rows[:place][rows["instrument"][:place] == code]:
        total = _after(total, row)
    return total


def _after(total: float, row: np.void) -> float:
    if row["kind"] == Kind.SPLIT:
        return total * float(row["open"])
    return total + float(row["close"]) if row["kind"] == Kind.BAR else total


def spoken(output: Output) -> tuple[Any, ...]:
    """Return an output as :func:`reckoned` does."""
    last = output.message if isinstance(output, Alert) else output.data["seen"]
    kind = type(output).__name__
    return (kind, output.name, output.instrument, output.ts_event, output.level, last)
