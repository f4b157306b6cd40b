"""The Store port in memory, every method one indivisible step: fast, and the same for a seed."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from whispr_daemon.domain.errors import Fatal, Fenced, Poison, StaleCommit
from whispr_daemon.domain.outputs import decode
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.store import (
    Change,
    Claim,
    Commit,
    DeadLetter,
    Producer,
    Quarantine,
    Route,
    Snapshot,
    StoredOutput,
    UnitMark,
)

_KEPT: Final = 3


class MemoryStore:
    """Behaves as SqliteStore does; outputs are kept as bytes, so what cannot be read back shows."""

    def __init__(self) -> None:
        self.units: dict[str, UnitMark] = {}
        self.said: dict[str, list[bytes]] = {}
        self.snapshots: dict[str, dict[Position, Snapshot]] = {}
        self._ids: set[str] = set()
        self._quarantined: dict[str, Quarantine] = {}
        self._routes: dict[str, Route] = {}
        self._producers: dict[str, Producer] = {}
        self._symbols: list[str] = []
        self._letters: dict[tuple[str, int], DeadLetter] = {}
        self._desired: bytes | None = None
        self._changes: list[Change] = []

    async def claim(self, unit_id: str, partition: int, owner: str, start: Position) -> Claim:
        """Take a unit over."""
        fresh = UnitMark(epoch=0, start=start, wm=start, out_seq=0, out_hash="")
        mark = self.units.get(unit_id, fresh)
        mark = self.units[unit_id] = msgspec.structs.replace(mark, epoch=mark.epoch + 1)
        kept = self.snapshots.setdefault(unit_id, {})
        return Claim(mark=mark, snapshot=kept[max(kept)] if kept else None)

    async def commit(self, commit: Commit) -> None:
        """Make a commit durable."""
        self._check_place(self.units[commit.unit_id], commit)
        self._check_outputs(commit)
        self._move(commit)
        self._keep(commit)

    def _check_place(self, mark: UnitMark, commit: Commit) -> None:
        if (mark.epoch, mark.wm) != (commit.epoch, commit.old):
            raise StaleCommit(f"{commit.unit_id}: not at {commit.epoch}, {commit.old}")

    def _check_outputs(self, commit: Commit) -> None:
        ids = [output.id for output in commit.outputs]
        if len(set(ids)) < len(ids) or self._ids & set(ids):
            raise Poison(f"{commit.unit_id}: an id is taken")
        said = len(self.said.setdefault(commit.unit_id, []))
        if said + len(ids) != commit.out_seq:
            raise Fatal(f"{commit.unit_id}: counts {commit.out_seq}, stored are {said}")

    def _move(self, commit: Commit) -> None:
        self.units[commit.unit_id] = msgspec.structs.replace(
            self.units[commit.unit_id],
            wm=commit.new,
            out_seq=commit.out_seq,
            out_hash=commit.out_hash,
        )

    def _keep(self, commit: Commit) -> None:
        self._ids.update(output.id for output in commit.outputs)
        self.said[commit.unit_id] += [output.body for output in commit.outputs]
        if commit.snapshot is not None:
            kept = self.snapshots.setdefault(commit.unit_id, {})
            kept[commit.snapshot.position] = commit.snapshot
            for position in sorted(kept)[:-_KEPT]:
                del kept[position]

    async def mark(self, unit_id: str) -> UnitMark:
        """Return a unit's mark."""
        return self.units[unit_id]

    async def marks(self) -> Mapping[str, UnitMark]:
        """Return all marks."""
        return dict(self.units)

    async def snapshots_of(self, unit_id: str) -> Sequence[Snapshot]:
        """Return a unit's snapshots, oldest first."""
        kept = self.snapshots.get(unit_id, {})
        return [kept[position] for position in sorted(kept)]

    async def quarantine(self, unit_id: str, epoch: int, position: Position, reason: str) -> None:
        """Record that a unit stopped."""
        if self.units[unit_id].epoch != epoch:
            raise Fenced(unit_id)
        self._quarantined[unit_id] = Quarantine(unit_id=unit_id, position=position, reason=reason)

    async def release(self, unit_id: str) -> bool:
        """End a quarantine."""
        return self._quarantined.pop(unit_id, None) is not None

    async def quarantined(self) -> Sequence[Quarantine]:
        """Return the units in quarantine."""
        return tuple(self._quarantined.values())

    async def outputs(self, after: Mapping[str, int], limit: int) -> Sequence[StoredOutput]:
        """Return outputs above the cursors."""
        return [
            StoredOutput(unit_id=unit_id, out_seq=number, created=0, output=decode(body))
            for unit_id in sorted(self.said)
            for number, body in enumerate(self.said[unit_id], start=1)
            if number > after.get(unit_id, 0)
        ][:limit]

    async def recent_outputs(self, limit: int) -> Sequence[StoredOutput]:
        """Return the newest outputs."""
        return (await self.outputs({}, len(self._ids)))[-limit:]

    async def claim_route(self, route: str) -> Route:
        """Take a route over."""
        found = self._routes.get(route, Route(route=route, epoch=0))
        self._routes[route] = msgspec.structs.replace(found, epoch=found.epoch + 1)
        return self._routes[route]

    async def advance_route(
        self, route: str, epoch: int, cursors: Mapping[str, int], receipt: str
    ) -> None:
        """Move a route's cursors forward; what comes late moves none back."""
        found = self._routes[route]
        if found.epoch != epoch:
            raise Fenced(route)
        forward = {unit: max(seq, found.cursors.get(unit, 0)) for unit, seq in cursors.items()}
        self._routes[route] = Route(
            route=route, epoch=epoch, cursors={**found.cursors, **forward}, receipt=receipt
        )

    async def claim_producer(self, producer: str) -> Producer:
        """Take a producer over."""
        found = self._producers.get(producer, Producer(producer=producer, epoch=0))
        self._producers[producer] = msgspec.structs.replace(found, epoch=found.epoch + 1)
        return self._producers[producer]

    async def save_producer(self, producer: Producer) -> None:
        """Record how far sources are."""
        if self._producers[producer.producer].epoch != producer.epoch:
            raise Fenced(producer.producer)
        self._producers[producer.producer] = producer

    async def register(self, symbols: Sequence[str]) -> Mapping[str, int]:
        """Return instrument codes."""
        self._symbols += [each for each in dict.fromkeys(symbols) if each not in self._symbols]
        return {each: self._symbols.index(each) for each in symbols}

    async def instruments(self) -> Sequence[str]:
        """Return all instruments."""
        return tuple(self._symbols)

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Record refused events."""
        for letter in letters:
            self._letters.setdefault((letter.source, letter.seq), letter)

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """Return the newest dead letters."""
        return tuple(self._letters.values())[-limit:]

    async def drop_dead_letters(self, keep: int, most: int) -> int:
        """Forget the oldest dead letters that are not the newest."""
        old = list(self._letters)[: min(most, max(0, len(self._letters) - keep))]
        for place in old:
            del self._letters[place]
        return len(old)

    async def add_change(self, body: bytes) -> Change:
        """Record a change, unless it is the newest already."""
        if not self._changes or self._changes[-1].body != body:
            self._changes.append(Change(number=len(self._changes) + 1, body=body))
        return self._changes[-1]

    async def change(self, number: int) -> Change | None:
        """Return a change."""
        return self._changes[number - 1] if 0 < number <= len(self._changes) else None

    async def changes(self, limit: int) -> Sequence[Change]:
        """Return the newest changes."""
        return tuple(self._changes[-limit:])

    async def set_desired(self, body: bytes) -> None:
        """Record what should run."""
        self._desired = body

    async def desired(self) -> bytes | None:
        """Return what should run."""
        return self._desired

    async def close(self) -> None:
        """Nothing is held."""
