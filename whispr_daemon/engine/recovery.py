"""Brings a fold to where its outputs are durable, and checks that it says the same again."""

from collections.abc import AsyncGenerator
from typing import NamedTuple

import structlog

from whispr_daemon.domain.errors import LogWentBack, RetentionBroken, StrategyFailed
from whispr_daemon.domain.outputs import Written
from whispr_daemon.domain.position import Position
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.learning import follow
from whispr_daemon.engine.reader import Reader
from whispr_daemon.ports.store import Claim, UnitMark

_journal = structlog.get_logger("whispr.unit")


class Retold(NamedTuple):
    """What a fold said again of one entry, counted already."""

    position: Position
    rows: int
    outputs: list[Written]


async def recover(unit_id: str, fold: Fold, claim: Claim, reader: Reader) -> None:
    """Restore the snapshot, fold the log up to ``wm`` in silence, compare.

    Raises:
        LogWentBack: the log does not hold ``wm``.
        RetentionBroken: the log does not hold what came after the snapshot.
        StrategyFailed: the strategy cannot be restored, or says something else than it did.
    """
    mark, snapshot = claim.mark, claim.snapshot
    await restore(unit_id, fold, claim, reader)
    async for _ in retold(fold, mark, reader):
        pass
    if snapshot is not None and snapshot.code_version != fold.code_version:
        # Outputs of the old code up to wm are said and durable; the new code begins here.
        _journal.warning(
            "code changed", unit=unit_id, found=snapshot.code_version, running=fold.code_version
        )
        fold.begin_counting(mark.out_seq, mark.out_hash)
    else:
        _compare(fold, mark)


async def restore(unit_id: str, fold: Fold, claim: Claim, reader: Reader) -> None:
    """Restore the snapshot, if there is one; the log must hold what came after it, up to ``wm``.

    Raises:
        LogWentBack: the log does not hold ``wm``.
        RetentionBroken: the log does not hold what came after the snapshot.
        StrategyFailed: the strategy cannot be restored.
    """
    mark, snapshot = claim.mark, claim.snapshot
    if snapshot is not None:
        number = fold.change_in(snapshot)
        fold.restore(snapshot, await reader.body(number) if number else b"")
    fresh = snapshot is None and mark.wm == mark.start  # it takes what the log still has
    await _check_log(unit_id, fold, mark, reader, fresh=fresh)


async def _check_log(
    unit_id: str, fold: Fold, mark: UnitMark, reader: Reader, *, fresh: bool
) -> None:
    last = await reader.last()
    if last < mark.wm or not (fresh or await reader.holds(mark.wm)):
        raise LogWentBack(
            f"{unit_id}: outputs are durable up to {mark.wm}, which the log of partition "
            f"{reader.partition} does not hold (it ends at {last}); restore the log, or use the "
            "data folder it belongs to"
        )
    missing = 0 if fresh else await reader.rows_trimmed()
    if missing > fold.rows:
        raise RetentionBroken(
            f"{unit_id}: its newest snapshot stands at row {fold.rows} of partition "
            f"{reader.partition}, the log was trimmed up to row {missing}"
        )


async def retold(fold: Fold, mark: UnitMark, reader: Reader) -> AsyncGenerator[Retold, None]:
    """Fold up to ``wm``, entry by entry; count what was said since this code's outputs began.

    Raises:
        StrategyFailed: the strategy raised.
    """
    counted_after = max(mark.start, fold.counted_from)
    while fold.position < mark.wm:
        entries = await reader.read(fold.position)
        for entry in entries:
            if entry.position > mark.wm:
                return  # a new unit, on a log trimmed past its start
            outputs = await follow(fold, entry, reader)
            counts = entry.position > counted_after
            if counts:
                fold.count(outputs)
            yield Retold(entry.position, len(entry.rows), outputs if counts else [])
        if not entries:
            return


def _compare(fold: Fold, mark: UnitMark) -> None:
    if (fold.out_seq, fold.out_hash) != (mark.out_seq, mark.out_hash):
        raise StrategyFailed(
            f"replayed differently: {fold.out_seq} outputs with hash {fold.out_hash or 'none'} up "
            f"to {mark.wm}, durable are {mark.out_seq} with {mark.out_hash or 'none'}; it reads "
            "something that is not in the log"
        )
