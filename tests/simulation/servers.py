"""What stands outside the daemon: a log that dies between two entries, a receiver, a feed."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from random import Random
from typing import Final

from typing_extensions import override

from tests.simulation.market import SYMBOLS
from tests.simulation.process import Process, Weather
from whispr_daemon.adapters.logs.memory import MemoryEventLog
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import Fenced, Transient
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.source import SourceBatch
from whispr_daemon.ports.store import StoredOutput

_WRITING: Final = 0.002  # seconds an entry takes, at most
_BREAKS: Final = 0.03  # of the batches: the feed breaks before them
_REPEATS: Final = 0.15  # of the batches: they begin with what was there before


class ServedLog(MemoryEventLog):
    """Makes entries durable one by one. Its death tears an append: the first are there."""

    def __init__(
        self, partitions: int, process: Process, weather: Weather, forgets: int = 0
    ) -> None:
        """``forgets``: entries a partition loses, though acknowledged, when the server dies."""
        super().__init__(partitions, process)
        self._process = process
        self._weather = weather
        self._forgets = forgets
        self._died = 0

    @override
    async def append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        self.forget()
        deaths = self._weather.deaths["log"]
        for number, each in enumerate(entries):
            if number:
                self._weather.ambush(self._process, "during append")
            if self._weather.deaths["log"] != deaths:
                self._weather.seen["tore an append"] += number > 0
                raise Transient("the log died while it wrote")
            await super().append([each])
            if len(entries) > 1:
                # Whoever dies meanwhile leaves some partitions without it.
                await asyncio.sleep(self._weather.random.random() * _WRITING)  # noqa: TID251

    def forget(self) -> None:
        """Lose what a server that acknowledges too early loses."""
        if self._weather.deaths["log"] > self._died:
            self._died = self._weather.deaths["log"]
            for held in self._entries if self._forgets else ():
                del held[-self._forgets :]

    def rows(self) -> list[bytes]:
        """Return all rows of each partition as bytes."""
        return [b"".join(each.rows.tobytes() for each in held) for held in self._entries]


class Receiver:
    """Who is told: keeps all it was sent, refuses older relays, knows what came after a receipt."""

    def __init__(self, *, forgets: bool = False) -> None:
        """``forgets``: it does not know what it was sent."""
        self.sent: list[tuple[str, int, str]] = []  # unit, out_seq, id
        self.epoch = 0
        self.forgets = forgets


class Delivery:
    """An outlet of one relay to the receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._epoch = 0

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Take over; tell what arrived after the receipt."""
        if epoch < self._receiver.epoch:
            raise Fenced("a newer relay has the receiver")
        self._epoch = self._receiver.epoch = epoch
        if self._receiver.forgets:
            return ()
        return {sent[2] for sent in self._receiver.sent[int(receipt or 0) :]}

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Keep them."""
        if self._epoch < self._receiver.epoch:
            raise Fenced("a newer relay has the receiver")
        self._receiver.sent += [(each.unit_id, each.out_seq, each.output.id) for each in outputs]
        return str(len(self._receiver.sent))

    async def close(self) -> None:
        """Nothing is held."""


class Feed:
    """Rows in batches of seeded sizes and times; it breaks, and repeats what it has given."""

    name = "file"

    def __init__(self, rows: Rows, clock: Clock, random: Random, *, fair: bool) -> None:
        """``fair``: it neither breaks nor repeats."""
        self._rows, self._clock = rows, clock
        self._random, self._fair = random, fair

    @property
    def total(self) -> int | None:
        """How many rows there are."""
        return len(self._rows)

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield the rows after a number, and some before it."""
        random = self._random
        while after < len(self._rows):
            await self._clock.sleep(random.choice((0.0, 0.01, 0.3)))
            if not self._fair and random.random() < _BREAKS:
                raise Transient("the feed broke")
            begin = after
            if not self._fair and random.random() < _REPEATS:
                begin = max(0, after - random.randint(1, 12))
            end = min(len(self._rows), after + random.randint(1, 7))
            yield SourceBatch(first_seq=begin + 1, symbols=SYMBOLS, rows=self._rows[begin:end])
            after = end

    def describe(self, seq: int) -> str:
        """Say where a row stands."""
        return f"file.csv:{seq + 1}"
