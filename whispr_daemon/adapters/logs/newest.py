"""The newest entries of a partition in memory: who keeps up with the log need not ask its file."""

from bisect import bisect_right
from collections import deque
from operator import attrgetter
from typing import Final

from whispr_daemon.domain.position import Position
from whispr_daemon.ports.event_log import Entry

_ENTRY_BYTES: Final = 1_000  # of an entry beside its rows: its header as objects
_position: Final = attrgetter("position")


class Newest:
    """A run of entries without a gap, as the log had them one after the other."""

    def __init__(self, most_bytes: int) -> None:
        """Nothing was appended yet. ``most_bytes`` is their room; one entry is always held."""
        self._entries: deque[Entry] = deque()
        self._most = most_bytes
        self._before: Position | None = None  # there is nothing between it and the first
        self.bytes = 0  # that they take, about

    def add(self, entry: Entry, before: Position) -> None:
        """Take in an entry that is durable; ``before`` is what the log ended with until then.

        Where that is not the last one here, another has written to the log: the run begins anew.
        """
        if not self._entries or self._entries[-1].position != before:
            self.forget()
        self._entries.append(entry)
        self.bytes += _size(entry)
        while self.bytes > self._most and len(self._entries) > 1:
            oldest = self._entries.popleft()
            self._before = oldest.position
            self.bytes -= _size(oldest)

    def forget(self) -> None:
        """Know nothing: something happened to the log that is not seen from here."""
        self._entries.clear()
        self.bytes, self._before = 0, None

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


def _size(entry: Entry) -> int:
    return _ENTRY_BYTES + entry.rows.nbytes
