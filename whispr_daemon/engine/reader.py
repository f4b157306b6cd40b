"""Reads one partition for one unit: entries in order, and the names behind their codes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from whispr_daemon.domain.errors import Fatal
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.engine.retry import Result, persist
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry, EventLog
from whispr_daemon.ports.store import Store

_CHANGE = int(Kind.CHANGE)  # numpy takes long to make a number of an enum
_BREATH = 0.05  # seconds of folding, after which others have their turn


class Reader:
    """A partition, read on through passing failures.

    ``turns`` counts every attempt at anything and every entry folded: who has a backlog to fold
    does not stand still.
    """

    def __init__(
        self,
        log: EventLog,
        store: Store,
        clock: Clock,
        partition: int,
        at_once: int,
        counts: "Reader | None" = None,
    ) -> None:
        """``store`` knows the instruments; ``at_once`` is the most rows of one read.

        ``counts`` is who counts its turns, None: itself.
        """
        self._log = log
        self._store = store
        self._clock = clock
        self._at_once = at_once
        self._counts = counts or self
        self.partition = partition
        self.symbols: Sequence[str] = ()  # by instrument code; grows as codes turn up
        self.turns = 0
        self._breathed = 0.0

    @property
    def partitions(self) -> int:
        """The number of partitions of the log."""
        return self._log.partitions

    def of(self, partition: int) -> "Reader":
        """Return a reader of another partition; what it does counts as turns of this one."""
        return Reader(self._log, self._store, self._clock, partition, self._at_once, self)

    async def persist(self, doing: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try until it does not fail for a passing reason."""
        return await persist(self._clock, doing, attempt, self._turn)

    async def read(self, after: Position, wait: float = 0.0) -> Sequence[Entry]:
        """Return entries after a position, none if there are none within ``wait`` seconds.

        Raises:
            Fatal: the store does not know an instrument of theirs.
        """
        entries = await self.persist(
            "read", lambda: self._log.read(self.partition, after, self._at_once, wait)
        )
        highest = max((_top_code(entry) for entry in entries), default=-1)
        if highest >= len(self.symbols):
            await self.instruments()
        if highest >= len(self.symbols):
            raise Fatal(
                f"the log of partition {self.partition} names instrument {highest}, the store "
                f"knows {len(self.symbols)}: log and store are not of the same daemon"
            )
        return entries

    async def folded(self) -> None:
        """Count an entry that was folded; now and then let others run, who ask how it stands."""
        self._turn()
        now = self._clock.monotonic()
        if now - self._breathed >= _BREATH:
            self._breathed = now
            await self._clock.sleep(0)

    async def instruments(self) -> Sequence[str]:
        """Return all instruments there are by code, also those of rows that were not read."""
        self.symbols = await self.persist("instruments", self._store.instruments)
        return self.symbols

    async def bodies(self, entry: Entry) -> Mapping[int, bytes]:
        """Return the bodies of an entry's changes by number; empty for an entry without any.

        Raises:
            Fatal: the store does not know one.
        """
        rows = entry.rows
        numbers = rows["open"][rows["kind"] == _CHANGE]
        return {int(number): await self.body(int(number)) for number in numbers.tolist()}

    async def body(self, number: int) -> bytes:
        """Return the body of a change.

        Raises:
            Fatal: the store does not know it.
        """
        found = await self.persist("change", lambda: self._store.change(number))
        if found is None:
            raise Fatal(
                f"the log of partition {self.partition} names change {number}, which the store "
                "does not know: log and store are not of the same daemon"
            )
        return found.body

    async def last(self) -> Position:
        """Return the position of the newest entry."""
        return await self.persist("last", lambda: self._log.last(self.partition))

    async def rows(self) -> int:
        """Return how many rows the partition has had in all."""
        tail = await self.persist("tail", lambda: self._log.tail(self.partition))
        return tail.offset if tail else 0

    async def rows_trimmed(self) -> int:
        """Return how many rows the partition had before the oldest it still holds."""
        after = ORIGIN
        while True:
            entries = await self.persist(
                "read", partial(self._log.read, self.partition, after, 1, 0.0)
            )
            for entry in entries:
                if len(entry.rows):
                    return entry.offset - len(entry.rows)
            if not entries:
                return 0
            after = entries[-1].position

    async def holds(self, position: Position) -> bool:
        """Whether there is an entry at a position, or was before it was trimmed with all older."""
        first = await self.persist("first", lambda: self._log.first(self.partition))
        if position == ORIGIN or position < first:
            return True
        before = Position.unpack(position.pack() - 1)
        found = await self.persist("read", lambda: self._log.read(self.partition, before, 1, 0.0))
        return bool(found) and found[0].position == position

    def _turn(self) -> None:
        self._counts.turns += 1


def _top_code(entry: Entry) -> int:
    """Return the highest instrument code of an entry, -1 where it has only clock ticks."""
    codes = entry.rows["instrument"].astype("i4", copy=False)  # NO_INSTRUMENT becomes -1
    return int(codes.max()) if len(codes) else -1
