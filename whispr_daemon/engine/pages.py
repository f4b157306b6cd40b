"""Entries as several strategies get them: what is the same for all of them is made once."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.engine.wishes import Wishes
from whispr_daemon.ports.event_log import Entry

MOST: Final = 131_072  # rows of the entries that are kept: two full reads of a unit
_CHANGE, _SPLIT = int(Kind.CHANGE), int(Kind.SPLIT)  # numpy takes long to make them of an enum
AN_ENTRY: Final = 32  # rows that take as much as an entry does beside its own


def room_of(entry: Entry) -> int:
    """Return the room an entry takes, in rows: most live ones have few of their own."""
    return AN_ENTRY + len(entry.rows)


class Page:
    """One entry."""

    __slots__ = ("_batches", "_rows", "_shared", "plain")

    def __init__(self, rows: Rows, *, shared: bool = False) -> None:
        """``shared``: several strategies get it."""
        self._rows, self._shared = rows, shared
        kinds = rows["kind"]
        self.plain = not ((kinds == _CHANGE) | (kinds == _SPLIT)).any()
        self._batches: dict[object, Batch] = {}

    def batch(self, wishes: Wishes, symbols: Sequence[str]) -> Batch:
        """Return the rows that are wished; who wishes the same gets the same batch.

        ``symbols`` names all instruments of the entry. There may be more of them another time, but
        what a code means never changes.
        """
        found = self._batches.get(wishes.key)
        if found is None:
            rows = wishes.of(self._rows, symbols)
            if rows is not self._rows:
                rows.flags.writeable = False  # strategies are foreign code, and others read it, too
            found = self._batches[wishes.key] = Batch(rows, symbols, shared=self._shared)
        return found


class Pages:
    """The entries that the strategies of a host were given last: they take turns with each."""

    def __init__(self) -> None:
        """None were given yet."""
        self._kept: OrderedDict[int, tuple[Entry, Page]] = OrderedDict()
        self._rows = 0

    def of(self, entry: Entry) -> Page:
        """Return an entry's page."""
        known = self._kept.get(id(entry))  # it is kept itself, so that nothing else is this number
        if known is not None:
            return known[1]
        page = Page(entry.rows, shared=True)
        self._kept[id(entry)] = entry, page
        self._rows += room_of(entry)
        while self._rows > MOST and len(self._kept) > 1:
            _, (oldest, _) = self._kept.popitem(last=False)
            self._rows -= room_of(oldest)
        return page
