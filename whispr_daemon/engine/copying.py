"""Copies a log and a store that others write to, so that the two copies are of one daemon.

A log must hold all that its store knows, and must not bear a name that its store does not know.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, TypeAlias

from whispr_daemon.domain.errors import LogWentBack, Transient
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry, EventLog
from whispr_daemon.ports.store_image import EmptyStore, ImagedStore, Page, StoreImage

_ROWS: Final = 65_536  # of the log, read and appended together
_TRIES: Final = 1_000  # to find a moment in which nothing gets a name: each is some milliseconds

Told: TypeAlias = Callable[[str, int, int], None]  # what is copied, how much so far, of how much


@dataclass(frozen=True, slots=True)
class Original:
    """What is copied: a log and a store that may be written to meanwhile."""

    log: EventLog
    store: ImagedStore


@dataclass(frozen=True, slots=True)
class Blank:
    """What it is copied to; nobody else looks at it before all is there."""

    log: EventLog
    store: EmptyStore


async def copy(source: Original, target: Blank, told: Told) -> None:
    """Copy both, as a crash might have left them.

    First the log as far as it goes, which takes long; then the store at one moment, and then the
    little that the log has got until shortly after that moment. In this order the trimming of the
    log, which goes by the snapshots in the store, cannot take what the copied snapshots need.

    Raises:
        LogWentBack: the log does not hold what it held.
        Transient: log or store is away, or names are given all the time.
    """
    log = LogCopy(source.log, target.log, told)
    await log.extend(await log.ends())
    for _ in range(_TRIES):
        async with source.store.image() as image:
            ends = await log.ends()
            async with source.store.image() as later:
                known = later.named == image.named
            if known:
                async with aclosing(_counted(image, told)) as pages:
                    await target.store.fill(pages)
        if known:  # the image is let go: its server ends a session that is silent for long
            await log.extend(ends, trimmed=False)
            return
    raise Transient(
        f"in {_TRIES:,} tries instruments, changes of the rules or ingests were new each time; "
        "try again when less is going on"
    )


async def restore(source: Original, target: Blank, told: Told) -> None:
    """Copy what nobody writes to; the store last and at once: without it, nothing is there.

    Raises:
        SettingsError: the store is not empty.
        Transient: log or store is away.
    """
    await target.store.expect_empty()
    log = LogCopy(source.log, target.log, told)
    await log.extend(await log.ends(), trimmed=False)
    async with source.store.image() as image, aclosing(_counted(image, told)) as pages:
        await target.store.fill(pages)


class LogCopy:
    """Appends to one log what another has, at the same positions."""

    def __init__(self, source: EventLog, target: EventLog, told: Told) -> None:
        """``target`` is empty."""
        self._source, self._target = source, target
        self._told = told
        self._reached = [ORIGIN] * source.partitions
        self._rows = [-1] * source.partitions  # of the partition up to there; -1: none was seen

    async def ends(self) -> Sequence[Position]:
        """Return where each partition of the source ends now."""
        return [await self._source.last(each) for each in range(self._source.partitions)]

    async def extend(self, ends: Sequence[Position], *, trimmed: bool = True) -> None:
        """Copy what is not there yet, up to these positions.

        Where the source may be ``trimmed`` meanwhile, the copy is trimmed as well, and may go on
        somewhat beyond the positions.

        Raises:
            LogWentBack: the source does not reach so far any more.
            Transient: it was trimmed though it may not be; or it is away.
        """
        for partition, end in enumerate(ends):
            await self._extend(partition, end, trimmed=trimmed)

    async def _extend(self, partition: int, end: Position, *, trimmed: bool) -> None:
        tail = await self._source.tail(partition)
        rows = tail.offset if tail else 0
        while self._reached[partition] < end:
            page = await self._source.read(partition, self._reached[partition], _ROWS, 0.0)
            if not page:
                raise LogWentBack(
                    f"partition {partition} of the log reached {end}, now nothing comes after "
                    f"{self._reached[partition]}; it is not the log that it was"
                )
            # Before the store was copied all may be taken that is there, and may be trimmed.
            entries = page if trimmed else [each for each in page if each.position <= end]
            whole_from = self._gap(partition, entries) if entries else page[0].position
            if whole_from is not None and not trimmed:
                raise Transient(
                    f"partition {partition} of the log lacks rows before {whole_from}: it was "
                    "trimmed while they were copied; try again"
                )
            await self._target.append([(partition, entry) for entry in entries])
            if whole_from is not None:
                await self._target.trim(partition, whole_from)
            self._reached[partition] = entries[-1].position
            self._told(f"rows of log {partition}", max(0, self._rows[partition]), rows)

    def _gap(self, partition: int, entries: Sequence[Entry]) -> Position | None:
        """Return the entry before which others are missing, None where they follow each other."""
        found = None
        for entry in entries:
            if not len(entry.rows):
                continue  # a fence has no place among the rows
            if self._rows[partition] not in (-1, entry.offset - len(entry.rows)):
                found = entry.position
            self._rows[partition] = entry.offset
        return found


async def _counted(image: StoreImage, told: Told) -> AsyncGenerator[Page, None]:
    rows, done = await image.rows(), 0
    async with aclosing(image.pages()) as pages:
        async for page in pages:
            yield page
            done += len(page.rows)
            told(f"rows of the store: {page.table}", done, rows)
