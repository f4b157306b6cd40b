"""How much of a log must go to bring it within its bytes, and who prevents it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import Final, NamedTuple

from whispr_daemon.domain.errors import LogWentBack
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import EventLog


class Need(NamedTuple):
    """From where on a partition is needed, and who needs it."""

    position: Position
    unit_id: str


class _Part(NamedTuple):
    """How many rows a partition has."""

    partition: int
    need: Need
    rows: int
    held: int  # of them, for they are needed or the newest

    @property
    def holder(self) -> str:
        """Who needs what of it is needed."""
        return self.need.unit_id or f"partition {self.partition}, which no unit has read"


class Beyond(NamedTuple):
    """What is to be done about the bytes beyond those to be kept."""

    rows: Mapping[int, int]  # of each partition that should go
    holding: Sequence[str]  # who needs so much that the bound cannot be kept


NOBODY: Final = Need(ORIGIN, "")  # has read it: all of it stays for who will
_WITHIN: Final = Beyond({}, ())


async def beyond(log: EventLog, keep: int | None, needs: Mapping[int, Need]) -> Beyond:
    """Return what should go to bring a log within ``keep`` bytes, or who prevents it.

    What is needed cannot go, so it is no part of what is shared out. If it is too much by
    itself, the rest is not given up for a bound that is missed all the same.
    """
    size = await log.size()
    if keep is None or size <= keep:
        return _WITHIN
    parts = [
        await _part(log, partition, needs.get(partition, NOBODY))
        for partition in range(log.partitions)
    ]
    rows, held = sum(each.rows for each in parts), sum(each.held for each in parts)
    too_many = Fraction(rows * (size - keep), size)
    if too_many <= rows - held:
        share = too_many / max(1, rows - held)
        return Beyond({each.partition: ceil(share * (each.rows - each.held)) for each in parts}, ())
    equal = (rows - too_many) / len(parts)  # if nobody holds more, the bound can be kept
    return Beyond({}, sorted({each.holder for each in parts if each.held > equal}))


async def _part(log: EventLog, partition: int, need: Need) -> _Part:
    tail = await log.tail(partition)
    if tail is None:
        return _Part(partition, need, 0, 0)
    gone = kept = await _rows_until(log, partition, ORIGIN)
    if need.position != ORIGIN:
        first = min(need.position, tail.position)
        kept = await _rows_until(log, partition, Position.unpack(first.pack() - 1))
    return _Part(partition, need, tail.offset - gone, tail.offset - kept)


async def _rows_until(log: EventLog, partition: int, after: Position) -> int:
    """Return how many rows came before those after a position; there are some.

    Raises:
        LogWentBack: there are none.
    """
    at = after
    while read := await log.read(partition, at, 1, 0.0):
        for entry in read:
            if len(entry.rows):
                return entry.offset - len(entry.rows)
        at = read[-1].position
    raise LogWentBack(
        f"partition {partition} of the log had rows after {after}, now it has none; "
        "it is not the log that it was"
    )
