"""The SIGNALS stream: what was committed, for anyone who reads Redis or Valkey."""

from collections.abc import Collection, Sequence
from typing import Any, Final, Self

from whispr_daemon.adapters.redis_link import Command, RedisLink, Refused
from whispr_daemon.domain.errors import Fenced, Transient
from whispr_daemon.domain.outputs import encode, kind_of
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.store import StoredOutput

_PAGE: Final = 500


class RedisOutlet:
    """Made by :meth:`connect`. Stream ids are ``<relay epoch>-<n>``, n counts up and never repeats.

    A fence is an entry added and deleted in one transaction: it lifts the stream's last id, and the
    server refuses every lower one from then on, also those still under way from this very relay
    before it lost its connection. (XSETID could do it, were it not able to go back as well.)
    """

    def __init__(self, link: RedisLink, prefix: str) -> None:
        """Use :meth:`connect`."""
        self._link = link
        self._key = f"{prefix}:SIGNALS"
        self._epoch = 0
        self._next = 0  # above every n ever tried in this epoch
        self._ready = False  # the stream's end is known

    @classmethod
    async def connect(cls, url: str, password: str, prefix: str) -> Self:
        """Connect and check the server; errors as of :meth:`RedisLink.open`."""
        return cls(await RedisLink.open(url, password), prefix)

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Refuse older relays, return the ids in the stream after the receipt; see the port.

        Raises:
            Fenced: a relay of a newer epoch has the stream.
            Transient: unknown outcome; open again.
        """
        if epoch != self._epoch:
            self._epoch, self._next = epoch, 0
        while not await self._fence():
            last = await self._link.call(("XINFO", "STREAM", self._key), _last_id)
            if last.epoch > epoch:
                raise self._fenced(f"is at {last}")
            self._next = last.seq + 1
        self._next += 1
        delivered = await self._ids_after(receipt)
        self._ready = True
        return delivered

    async def _fence(self) -> bool:
        fence = f"{self._epoch}-{self._next}"
        added, _ = await self._link.transaction(
            [("XADD", self._key, fence, "fence", ""), ("XDEL", self._key, fence)]
        )
        if isinstance(added, Refused) and not added.is_late:
            raise self._link.refusal(added)
        return not isinstance(added, Refused)

    async def _ids_after(self, receipt: str) -> set[str]:
        found: set[str] = set()
        start = f"({receipt}" if receipt else "-"
        while True:
            command = ("XRANGE", self._key, start, "+", "COUNT", _PAGE)
            page = await self._link.call(command, _output_ids)
            found.update(output_id for _, output_id in page)
            if len(page) < _PAGE:
                return found
            start = f"({page[-1][0]}"

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Add all in one transaction; the receipt is the last one's stream id. See the port."""
        if not self._ready:
            raise Transient(
                f"stream {self._key!r}: what it holds is unknown; open the outlet again"
            )
        self._ready = False  # until the outcome is known
        places = [f"{self._epoch}-{self._next + n}" for n in range(len(outputs))]
        self._next += len(outputs)
        replies = await self._link.transaction(
            [self._addition(place, stored) for place, stored in zip(places, outputs, strict=True)]
        )
        for place, reply in zip(places, replies, strict=True):
            if isinstance(reply, Refused):
                if reply.is_late:
                    raise self._fenced(f"refused {place}")
                raise self._link.refusal(reply)
        self._ready = True
        return places[-1]

    def _addition(self, place: str, stored: StoredOutput) -> Command:
        output = stored.output
        return (
            *("XADD", self._key, place),
            *("id", output.id, "unit", stored.unit_id, "out_seq", stored.out_seq),
            *("kind", kind_of(output), "origin", output.origin, "name", output.name),
            *("instrument", output.instrument, "ts_event", output.ts_event),
            *("direction", output.direction),
            *("price", _number(output.price), "level", _number(output.level)),
            *("body", encode(output)),
        )

    def _fenced(self, what: str) -> Fenced:
        return Fenced(
            f"stream {self._key!r} at {self._link.where} {what}:"
            f" a newer relay than epoch {self._epoch} has it"
        )

    async def close(self) -> None:
        """Close the connections."""
        self._ready = False
        await self._link.close()


def _number(value: float | None) -> str:
    """Return the shortest text that reads back as the same number; empty for None."""
    return "" if value is None else repr(value)


def _last_id(reply: Any) -> Position:
    facts = dict(zip(reply[::2], reply[1::2], strict=True))
    return Position.parse(facts[b"last-generated-id"].decode())


def _output_ids(reply: Any) -> list[tuple[str, str]]:
    """Return (stream id, output id) of each entry; the output id is empty in foreign ones."""
    found = []
    for place, parts in reply:
        fields = dict(zip(parts[::2], parts[1::2], strict=True))
        found.append((place.decode(), fields.get(b"id", b"").decode()))
    return found
