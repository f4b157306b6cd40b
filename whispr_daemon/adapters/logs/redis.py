"""The market log in Redis streams: one stream a partition, the position is the entry's id."""

from collections.abc import Sequence
from math import ceil
from typing import Any, Final, Self

import msgspec

from whispr_daemon.adapters.logs.wire import FORMAT, decode, encode_header, encode_rows
from whispr_daemon.adapters.redis_link import Command, RedisLink, Refused
from whispr_daemon.domain.batch import EVENT_DTYPE
from whispr_daemon.domain.errors import Fatal, Fenced, SettingsError
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry

_HEADER: Final = b"h"
_ROWS: Final = b"r"
_PAGE_LIMIT: Final = 64  # entries asked for at once: the server has no limit in bytes
_FIRST_GUESS: Final = 4096.0  # rows per entry, before any was seen
_END_PAGE: Final = 4  # entries looked at together at an end: all but restarts' fences have rows
_ENTRY_BYTES: Final = 100  # of an entry beside its rows: header, names, its part of a node

_Raw = tuple[Position, list[bytes]]  # an entry as the server has it: id, names and values in turn


class _About(msgspec.Struct, frozen=True):
    format: int
    partitions: int


class RedisEventLog:
    """Made by :meth:`open`. An explicit id makes an append idempotent and fences old producers."""

    def __init__(self, link: RedisLink, prefix: str, partitions: int) -> None:
        """Use :meth:`open`."""
        self._link = link
        self._keys = [f"{prefix}:market:{partition}" for partition in range(partitions)]
        self._rows_per_entry = [_FIRST_GUESS] * partitions

    @classmethod
    async def open(cls, url: str, password: str, prefix: str, partitions: int) -> Self:
        """Connect, check the server, create the log if there is none under the prefix.

        Raises:
            SettingsError: no server there, or the log has another number of partitions or was
                written by a newer Whispr.
            UnsafeServer: the server could lose what it acknowledged.
            Transient: the server is busy loading, or went away.
        """
        link = await RedisLink.open(url, password)
        try:
            await _agree(link, prefix, partitions)
        except BaseException:
            await link.close()
            raise
        return cls(link, prefix, partitions)

    @property
    def partitions(self) -> int:
        """The number of partitions, fixed when the log was created."""
        return len(self._keys)

    async def append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Append all in one exchange; see the port."""
        if not entries:
            return
        replies = await self._link.transaction(
            [self._addition(partition, entry) for partition, entry in entries]
        )
        for (partition, entry), reply in zip(entries, replies, strict=True):
            if isinstance(reply, Refused):
                if not reply.is_late:
                    raise self._link.refusal(reply)
                await self._expect_same(partition, entry)

    def _addition(self, partition: int, entry: Entry) -> Command:
        header, rows = encode_header(entry), encode_rows(entry)
        return ("XADD", self._keys[partition], str(entry.position), _HEADER, header, _ROWS, rows)

    async def _expect_same(self, partition: int, entry: Entry) -> None:
        at = str(entry.position)
        held = await self._link.call(("XRANGE", self._keys[partition], at, at), _entries)
        if not held or _fields(partition, held[0])[_ROWS] != encode_rows(entry):
            raise Fenced(
                f"the log's partition {partition} is at {await self.last(partition)}:"
                f" {entry.position} comes too late, a newer producer has taken over"
            )

    async def read(
        self, partition: int, after: Position, max_rows: int, wait: float
    ) -> Sequence[Entry]:
        """Return the entries after a position; see the port."""
        found: list[Entry] = []
        rows = 0
        while True:
            count = self._guess(partition, max_rows - rows)
            page = await self._page(partition, after, count, 0.0 if found else wait)
            for entry in page:
                rows += len(entry.rows)
                if rows > max_rows and found:
                    return found
                found.append(entry)
            if len(page) < count or rows >= max_rows:
                return found
            after = page[-1].position

    def _guess(self, partition: int, rows: int) -> int:
        """Return how many entries hold so many rows, going by the last page."""
        return min(_PAGE_LIMIT, max(1, ceil(rows / self._rows_per_entry[partition])))

    async def _page(
        self, partition: int, after: Position, count: int, wait: float
    ) -> Sequence[Entry]:
        key = self._keys[partition]
        block = ("BLOCK", ceil(wait * 1000)) if wait > 0 else ()
        command = ("XREAD", "COUNT", count, *block, "STREAMS", key, str(after))

        def shape(reply: Any) -> list[_Raw]:
            if reply is None:
                return []
            ((name, entries),) = reply
            if name != key.encode():
                raise ValueError(f"asked for stream {key}, got {name!r}")
            return _entries(entries)

        raw = await self._link.call(command, shape, wait)
        page = [_decoded(partition, entry) for entry in raw]
        if page:
            mean = sum(len(entry.rows) for entry in page) / len(page)
            self._rows_per_entry[partition] = max(1.0, mean)
        return page

    async def first(self, partition: int) -> Position:
        """Return the position of the oldest entry, ORIGIN if there is none."""
        command = ("XRANGE", self._keys[partition], "-", "+", "COUNT", 1)
        return _position(await self._link.call(command, _entries))

    async def last(self, partition: int) -> Position:
        """Return the position of the newest entry, ORIGIN if there is none."""
        command = ("XREVRANGE", self._keys[partition], "+", "-", "COUNT", 1)
        return _position(await self._link.call(command, _entries))

    async def tail(self, partition: int) -> Entry | None:
        """Return the newest entry that has rows."""
        return await self._with_rows(partition, "XREVRANGE", "+", "-")

    async def _with_rows(self, partition: int, command: str, start: str, end: str) -> Entry | None:
        """Return the first entry that has rows, going from one end of the stream to the other."""
        while True:
            asked = (command, self._keys[partition], start, end, "COUNT", _END_PAGE)
            raw = await self._link.call(asked, _entries)
            page = [_decoded(partition, entry) for entry in raw]
            found = next((entry for entry in page if len(entry.rows)), None)
            if found is not None or len(page) < _END_PAGE:
                return found
            start = f"({page[-1].position}"

    async def trim(self, partition: int, before: Position) -> None:
        """Forget entries before a position, never the newest with rows (nor the newest of all)."""
        tail = await self.tail(partition)
        keep = tail.position if tail else await self.last(partition)
        command = ("XTRIM", self._keys[partition], "MINID", "=", str(min(before, keep)))
        await self._link.call(command, int)

    async def size(self) -> int:
        """Return the bytes of the server's memory that the streams take, reckoned from counts.

        ``MEMORY USAGE`` would look at a few of the oldest entries, which may be of another size
        than all others, or at every one.
        """
        return sum([await self._size(partition) for partition in range(self.partitions)])

    async def _size(self, partition: int) -> int:
        count = await self._link.call(("XLEN", self._keys[partition]), int)
        oldest = await self._with_rows(partition, "XRANGE", "-", "+")
        tail = await self.tail(partition)
        size = count * _ENTRY_BYTES
        if oldest is not None and tail is not None:
            rows = tail.offset - oldest.offset + len(oldest.rows)
            size += rows * EVENT_DTYPE.itemsize
        return size

    async def close(self) -> None:
        """Close the connections; reads that wait end as Transient."""
        await self._link.close()


async def _agree(link: RedisLink, prefix: str, partitions: int) -> None:
    """Compare what the log says about itself with the settings, or create it."""
    key = f"{prefix}:market:about"
    mine = msgspec.json.encode(_About(FORMAT, partitions))
    await link.call(("SET", key, mine, "NX"), lambda reply: reply)
    body = await link.call(("GET", key), bytes)
    try:
        found = msgspec.json.decode(body, type=_About)
    except msgspec.DecodeError as error:
        raise SettingsError(
            f"redis.url {link.where}: key {key!r} is not Whispr's ({error}); choose another prefix"
        ) from error
    if found.format > FORMAT:
        raise SettingsError(
            f"redis.url {link.where}, prefix {prefix!r}: the market log was written in format"
            f" {found.format} by a newer Whispr; this one knows formats up to {FORMAT}"
        )
    if found.partitions != partitions:
        raise SettingsError(
            f"redis.url {link.where}, prefix {prefix!r}: the market log was created with"
            f" {found.partitions} partitions, the settings ask for {partitions};"
            " the number is fixed for the life of a log"
        )


def _entries(reply: Any) -> list[_Raw]:
    return [(Position.parse(at.decode()), list(fields)) for at, fields in reply]


def _position(found: list[_Raw]) -> Position:
    return found[0][0] if found else ORIGIN


def _decoded(partition: int, raw: _Raw) -> Entry:
    fields = _fields(partition, raw)
    return decode(partition, raw[0], fields[_HEADER], fields[_ROWS])


def _fields(partition: int, raw: _Raw) -> dict[bytes, bytes]:
    position, parts = raw
    fields = dict(zip(parts[::2], parts[1::2], strict=False))
    if fields.keys() != {_HEADER, _ROWS}:
        raise Fatal(
            f"the log's partition {partition}, position {position}: not an entry of the market log:"
            f" fields {sorted(fields)}, not {sorted((_HEADER, _ROWS))}"
        )
    return fields
