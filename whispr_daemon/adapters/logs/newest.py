"""The newest entries of a partition in memory: who keeps up with the log need not ask its file."""

from bisect import bisect_right
from collections import deque
from operator import attrgetter
from typing import Final

from whispr_daemon.domain.position import Position
from whispr_daemon.ports.event_log import Entry

_MOST: Final = 256  # entries of one partition …
_MOST_BYTES: Final = 4 * 2**20  # … or of their rows, whichever is less
_position: Final = attrgetter("position")


class Newest:
    """A run of entries without a gap, up to the last that was appended here."""

    def __init__(self) -> None:
        """Nothing was appended yet."""
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._before: Position | None = None  # there is nothing between it and the first

    def add(self, entry: Entry) -> None:
        """Take in an entry that is durable; one that is here already is passed over."""
        if self._entries and entry.position <= self._entries[-1].position:
            return
        self._entries.append(entry)
        self._bytes += entry.rows.nbytes
        while len(self._entries) > _MOST or (self._bytes > _MOST_BYTES and len(self._entries) > 1):
            oldest = self._entries.popleft()
            self._before = oldest.position
            self._bytes -= oldest.rows.nbytes

    def forget(self) -> None:
        """Know nothing: something happened to the log that is not seen from here."""
        self._entries.clear()
        self._bytes, self._before = 0, None

    def after(self, position: Position, max_rows: int) -> list[Entry] | None:
        """Return the entries after a position as a log does; None where only the file can tell."""
        if not self._entries:
            return None
        first = self._entries[0].position
        if position < first and position != self._before:
            return None
        found: list[Entry] = []
        rows = 0
        start = 0 if position < first else bisect_right(self._entries, position, key=_position)
        for place in range(start, len(self._entries)):
            entry = self._entries[place]
            rows += len(entry.rows)
            if rows > max_rows and found:
                break
            found.append(entry)
        return found
