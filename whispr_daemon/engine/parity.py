"""Folds the log once more and compares what is said, output by output, with what is stored."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from whispr_daemon.domain.errors import LogWentBack, RetentionBroken, StrategyFailed
from whispr_daemon.domain.outputs import Output, Written, chain, encode
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.reader import Reader
from whispr_daemon.engine.recovery import restore, retold
from whispr_daemon.ports.store import Claim, Snapshot, Store, StoredOutput, UnitMark

_PAGE: Final = 5_000  # outputs
_NONE_OF: Final = 1 << 62  # a cursor behind all outputs of a unit
_ATTEMPTS: Final = 3  # at a log that is trimmed meanwhile; that is once a minute


class Verdict(StrEnum):
    """What came of a comparison."""

    SAME = "same"
    DIFFERS = "differs"
    UNVERIFIED = "unverified"  # log, snapshots and code do not allow it
    KEPT = "kept"  # stored as it was said; there is no code to ask whether the log says it


class Difference(Value, frozen=True, kw_only=True):
    """The first output that is not the same."""

    number: int  # the unit's out_seq
    position: Position  # in the log, of the entry that it answers, or of the end
    log: Output | None  # what the log says; None: nothing (more)
    store: Output | None  # what is stored; None: nothing


class Parity(Value, frozen=True, kw_only=True):
    """How a unit's outputs compare with the log."""

    unit_id: str
    begin: Position = ORIGIN  # what came up to here was taken from a snapshot
    end: Position = ORIGIN
    rows: int = 0  # folded
    outputs: int = 0  # compared
    verdict: Verdict
    reason: str = ""  # where it is not the same
    first: Difference | None = None


class _Trimmed(NamedTuple):
    """How many rows the log has forgotten."""

    here: int  # of the unit's partition
    elsewhere: int  # of those where its references may be at home


class Witness:
    """Compares one unit. It writes nothing, so the unit may be running meanwhile."""

    def __init__(
        self,
        unit_id: str,
        store: Store,
        reader: Reader,
        build: Callable[[], Fold],
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``build`` makes the unit's fold anew; ``told`` is told how many rows were folded."""
        self._unit = unit_id
        self._store = store
        self._reader = reader
        self._build = build
        self._told = told

    async def compare(self, *, from_snapshot: bool = False) -> Parity:
        """Compare up to where the unit is durable now.

        It begins with the first row of the log; with the oldest usable snapshot where the log was
        trimmed, where the unit's state goes back to other code, or where that is asked for. Where
        the log is trimmed under its hands it looks at all of it again.

        Raises:
            Fatal: log and store are not of the same daemon.
        """
        attempts = 0
        while True:
            before = await self._trimmed()
            found = await self._attempt(before, from_snapshot=from_snapshot)
            if found.verdict is not Verdict.UNVERIFIED or await self._trimmed() == before:
                return found
            attempts += 1
            if attempts == _ATTEMPTS:
                again = f"the log was trimmed meanwhile, {attempts} times: ask again"
                return msgspec.structs.replace(found, reason=f"{found.reason}; {again}")

    async def _attempt(self, trimmed: _Trimmed, *, from_snapshot: bool) -> Parity:
        # In this order: whatever was committed between the two, no snapshot is beyond the mark.
        kept = await self._reader.persist("snapshots", lambda: self._store.snapshots_of(self._unit))
        marks = await self._reader.persist("marks", self._store.marks)
        mark = marks[self._unit]
        fold = self._build()
        if kept and kept[-1].code_version != fold.code_version:
            return self._unverified(
                mark,
                f"its outputs are those of {kept[-1].code_version!r}, installed and configured is "
                f"{fold.code_version!r}; verify with the code that said them",
            )
        *others, last = _beginnings(fold, kept, whole=not trimmed.here and not from_snapshot)
        for snapshot in others:
            comparison = _Comparison(self._unit, self._build(), Claim(mark=mark, snapshot=snapshot))
            found = await self._judged(comparison, marks)
            # What was learned from a log that has been trimmed since cannot be learned again.
            if found.verdict is not Verdict.UNVERIFIED and not (
                comparison.learned and any(trimmed)
            ):
                return found
        comparison = _Comparison(self._unit, self._build(), Claim(mark=mark, snapshot=last))
        return await self._judged(comparison, marks)

    async def _trimmed(self) -> _Trimmed:
        others = set(range(self._reader.partitions)) - {self._reader.partition}
        return _Trimmed(
            here=await self._reader.rows_trimmed(),
            elsewhere=sum([await self._reader.of(each).rows_trimmed() for each in others]),
        )

    async def hash_only(self) -> Parity:
        """Compare the outputs with the hash they were committed with, not with the log."""
        marks = await self._reader.persist("marks", self._store.marks)
        mark = marks[self._unit]
        cursors = {unit: _NONE_OF for unit in marks if unit != self._unit}
        async with aclosing(self._stored(cursors)) as stored:
            found = await _hash_of(stored, mark.out_seq)
        same = found == mark.out_hash
        return Parity(
            unit_id=self._unit,
            end=mark.wm,
            outputs=mark.out_seq,
            verdict=Verdict.KEPT if same else Verdict.DIFFERS,
            reason="" if same else _other_hash(mark.out_seq, found, mark.out_hash),
        )

    async def _judged(self, comparison: "_Comparison", marks: Mapping[str, UnitMark]) -> Parity:
        stored = self._stored({unit: _NONE_OF for unit in marks if unit != self._unit})
        mark = marks[self._unit]
        try:
            async with aclosing(stored):
                found = await comparison.run(self._reader, stored, self._told)
        except StrategyFailed as error:
            found = comparison.parity(Verdict.DIFFERS, str(error))
        except (LogWentBack, RetentionBroken) as error:
            return self._unverified(mark, str(error))
        if found.verdict is Verdict.SAME:
            return found
        trimmed = await self._trimmed()
        if comparison.missed(trimmed.here):
            return self._unverified(
                mark, f"the log was trimmed up to row {trimmed.here} while it was folded"
            )
        if comparison.learned and any(trimmed):
            return self._unverified(
                mark, "it says otherwise where it learned of a log that has been trimmed since"
            )
        return found

    async def _stored(self, cursors: dict[str, int]) -> AsyncGenerator[StoredOutput, None]:
        """Yield the unit's outputs in order, as far as there are any."""
        while page := await self._reader.persist(
            "outputs", lambda: self._store.outputs(cursors, _PAGE)
        ):
            for each in page:
                if each.unit_id == self._unit:
                    yield each
                cursors[each.unit_id] = each.out_seq

    def _unverified(self, mark: UnitMark, reason: str) -> Parity:
        return Parity(unit_id=self._unit, end=mark.wm, verdict=Verdict.UNVERIFIED, reason=reason)


def _beginnings(fold: Fold, kept: Sequence[Snapshot], *, whole: bool) -> Sequence[Snapshot | None]:
    """Return the snapshots to begin with, the best first; None is the first row of the log."""
    if not kept:
        return [None]
    newest = kept[-1]
    if not fold.snapshots:
        return [newest]  # it says where this code's outputs began; all is folded from the start
    usable = [each for each in kept if each.code_version == fold.code_version]
    return [None, *usable] if whole and not fold.inherited(newest) else usable


class _Comparison:
    """One fold from a beginning to a unit's mark."""

    def __init__(self, unit_id: str, fold: Fold, claim: Claim) -> None:
        self._unit = unit_id
        self._fold = fold
        self._claim = claim
        self._begin = ORIGIN
        self._outputs = 0
        self._rows_before = 0  # the beginning
        self._rows = 0  # of the entries since

    @property
    def learned(self) -> bool:
        """Whether the fold had to learn the log."""
        return self._fold.changes > 0

    def missed(self, trimmed: int) -> bool:
        """Say whether rows were missing, or are where it stands, of a log trimmed up to a row."""
        return self._rows < self._fold.rows - self._rows_before or self._fold.rows < trimmed

    async def run(
        self, reader: Reader, stored: AsyncIterator[StoredOutput], told: Callable[[int], None]
    ) -> Parity:
        fold, mark = self._fold, self._claim.mark
        await restore(self._unit, fold, self._claim, reader)
        self._begin, self._rows_before = fold.position, fold.rows
        said = await _hash_of(stored, fold.out_seq)
        if said != fold.out_hash:
            return self.parity(
                Verdict.DIFFERS,
                _other_hash(fold.out_seq, said, fold.out_hash),
            )
        number = fold.out_seq
        async with aclosing(retold(fold, mark, reader)) as again:
            async for position, rows, outputs in again:
                self._rows += rows
                for output in outputs:
                    number += 1
                    found = await anext(stored, None) if number <= mark.out_seq else None
                    if not _same(number, output, found):
                        return self._differs(number, position, output, found)
                    self._outputs += 1
                told(fold.rows)
        if number < mark.out_seq:
            return self._differs(number + 1, mark.wm, None, await anext(stored, None))
        if fold.out_hash != mark.out_hash:
            return self.parity(
                Verdict.DIFFERS,
                f"all outputs are the same, their hash is not: the log gives "
                f"{fold.out_hash or 'none'}, the unit's mark has {mark.out_hash or 'none'}",
            )
        return self.parity(Verdict.SAME)

    def parity(self, verdict: Verdict, reason: str = "", first: Difference | None = None) -> Parity:
        return Parity(
            unit_id=self._unit,
            begin=self._begin,
            end=self._claim.mark.wm,
            rows=self._rows,
            outputs=self._outputs,
            verdict=verdict,
            reason=reason,
            first=first,
        )

    def _differs(
        self, number: int, position: Position, log: Written | None, found: StoredOutput | None
    ) -> Parity:
        there = found if found is not None and found.out_seq == number else None
        first = Difference(
            number=number,
            position=position,
            log=log.output if log else None,
            store=there.output if there else None,
        )
        return self.parity(
            Verdict.DIFFERS, f"output {number}, at position {position}, is not the same", first
        )


def _same(number: int, output: Written, found: StoredOutput | None) -> bool:
    return found is not None and found.out_seq == number and encode(found.output) == encode(output)


def _other_hash(count: int, found: str, told: str) -> str:
    return (
        f"its first {count} outputs are not stored as they were said: their hash is "
        f"{found or 'none'}, it was {told or 'none'}"
    )


async def _hash_of(stored: AsyncIterator[StoredOutput], count: int) -> str:
    """Return the running hash of the next outputs, so many."""
    running = ""
    for _ in range(count):
        found = await anext(stored, None)
        if found is None:
            break
        running = chain(running, found.output)
    return running
