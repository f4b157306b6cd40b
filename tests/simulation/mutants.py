"""Each of these breaks one rule of the protocol, outside the product: the checker must notice."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Final, NamedTuple

import msgspec
from typing_extensions import override

from tests.simulation.memory_store import MemoryStore
from whispr_daemon.domain.outputs import Written, written
from whispr_daemon.domain.position import Position
from whispr_daemon.engine.fold import Fold, Step
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.store import Claim, Commit, Producer, Quarantine, Route, UnitMark


class NoFence(MemoryStore):
    """Whoever commits is believed: neither epochs nor the position before are asked for."""

    @override
    def _check_place(self, mark: UnitMark, commit: Commit) -> None:
        pass

    @override
    async def quarantine(self, unit_id: str, epoch: int, position: Position, reason: str) -> None:
        self._quarantined[unit_id] = Quarantine(unit_id=unit_id, position=position, reason=reason)

    @override
    async def advance_route(
        self, route: str, epoch: int, cursors: Mapping[str, int], receipt: str
    ) -> None:
        self._routes[route] = Route(route=route, epoch=epoch, cursors=cursors, receipt=receipt)

    @override
    async def save_producer(self, producer: Producer) -> None:
        self._producers[producer.producer] = producer


class Unsuppressed(MemoryStore):
    """A unit goes on from its snapshot as if nothing had been said since."""

    @override
    async def claim(self, unit_id: str, partition: int, owner: str, start: Position) -> Claim:
        found = await super().claim(unit_id, partition, owner, start)
        if found.snapshot is None:
            return found
        mark = self.units[unit_id] = msgspec.structs.replace(
            found.mark,
            wm=found.snapshot.position,
            out_seq=found.snapshot.out_seq,
            out_hash=found.snapshot.out_hash,
        )
        return Claim(mark=mark, snapshot=found.snapshot)


class TwoTransactions(MemoryStore):
    """Position first, outputs after: a crash between the two loses them."""

    @override
    async def commit(self, commit: Commit) -> None:
        mark = self.units[commit.unit_id]
        self._check_place(mark, commit)
        self._check_outputs(commit)
        self._move(commit)
        await asyncio.sleep(0.05)  # noqa: TID251 - here its owner may be killed
        self._keep(commit)


class Drawn(Fold):
    """Ids are drawn at random: what is said again has another."""

    @override
    def steps(
        self, entry: Entry, symbols: Sequence[str], bodies: Mapping[int, bytes] = {}
    ) -> Iterator[Step]:
        for step in super().steps(entry, symbols, bodies):
            yield step._replace(said=[self._drawn(each) for each in step.said])

    def _drawn(self, said: Written) -> Written:
        return written(msgspec.structs.replace(said.output, id=token_hex(16)))


class Mutant(NamedTuple):
    """What is in place of what is right. As it stands, it is what is right."""

    store: type[MemoryStore] = MemoryStore
    fold: type[Fold] = Fold
    log_forgets: int = 0  # entries, though they were acknowledged
    receiver_forgets: bool = False


HONEST: Final = Mutant()
MUTANTS: Final = {
    "no-fence": Mutant(store=NoFence),
    "drawn-ids": Mutant(fold=Drawn),
    "not-suppressed": Mutant(store=Unsuppressed),
    "two-transactions": Mutant(store=TwoTransactions),
    "early-acknowledgement": Mutant(log_forgets=1),
    "no-keys": Mutant(receiver_forgets=True),
}
