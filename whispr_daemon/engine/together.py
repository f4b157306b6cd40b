"""What several units of a host ask of the log at once is asked once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Final

from whispr_daemon.domain.position import Position
from whispr_daemon.engine.pages import MOST, room_of
from whispr_daemon.ports.event_log import Entry, EventLog

_NO_ANSWER: Final = object()


class _Once:
    """Questions under way. Who asks the same meanwhile gets the same answer.

    It may be as old as the question: that is well for what is only ever added to.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[asyncio.Future[Any]]] = {}

    async def ask(
        self,
        what: Hashable,
        question: Callable[[], Awaitable[Any]],
        enough: Callable[[Any], object] = lambda _: True,
    ) -> Any:
        """Return the answer; where that of another fails, is ended, or not ``enough``, ask anew."""
        others = self._waiting.get(what)
        if others is not None:
            answered = asyncio.get_running_loop().create_future()
            others.append(answered)
            answer = await answered
            return await question() if answer is _NO_ANSWER or not enough(answer) else answer
        others = self._waiting[what] = []
        answer = _NO_ANSWER
        try:
            answer = await question()
        finally:
            del self._waiting[what]
            for answered in others:
                if not answered.done():
                    answered.set_result(answer)
        return answer


class SharedLog:
    """A log as the units of one loop see it: those that stand at the same place read together.

    Each of 500 units that looks for itself takes as long to find nothing as to fold an event; and
    what is made of an entry can be shared only by those who have the very same.
    """

    def __init__(self, log: EventLog) -> None:
        """Nothing was read yet."""
        self._log, self._once = log, _Once()
        self._known: OrderedDict[Hashable, Sequence[Entry]] = OrderedDict()
        self._rows = 0
        # The rest is as it is.
        self.append, self.trim, self.size, self.close = log.append, log.trim, log.size, log.close
        self.first, self.last = log.first, log.last

    @property
    def partitions(self) -> int:
        """The number of partitions."""
        return self._log.partitions

    async def read(
        self, partition: int, after: Position, max_rows: int, wait: float
    ) -> Sequence[Entry]:
        """Return the entries after a position; see the port."""
        asked = (partition, after, max_rows, wait > 0)
        # What comes after a place never changes; but who cannot wait may ask what was trimmed.
        if wait > 0 and (known := self._known.get(asked)) is not None:
            return known
        # To who cannot wait no entry is the end of the log: that must not be older than the asking.
        found: Sequence[Entry] = await self._once.ask(
            asked,
            lambda: self._log.read(partition, after, max_rows, wait),
            lambda found: found or wait > 0,
        )
        if wait > 0 and found and asked not in self._known:
            self._keep(asked, found)
        return found

    async def tail(self, partition: int) -> Entry | None:
        """Return the newest entry that has rows."""
        found: Entry | None = await self._once.ask(partition, lambda: self._log.tail(partition))
        return found

    def _keep(self, asked: Hashable, found: Sequence[Entry]) -> None:
        """Keep an answer for those that will ask the same a little later."""
        self._known[asked] = found
        self._rows += _rows_in(found)
        while self._rows > MOST and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._rows -= _rows_in(oldest)


def _rows_in(entries: Sequence[Entry]) -> int:
    return sum(map(room_of, entries))
