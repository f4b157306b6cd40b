"""What the log of a data folder holds for one instrument, with the rules that were in force."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.desired import RULES, decode
from whispr_daemon.bootstrap.look import log_to_read, store_to_read
from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.engine.elsewhere import Merged, read_past
from whispr_daemon.engine.partitions import CHANGES
from whispr_daemon.engine.reader import Reader
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.store import Store
from whispr_daemon.rules.change import RuleChange
from whispr_daemon.rules.change import decode as decode_change
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.settings import Settings

_MARKET = {Kind.BAR, Kind.TRADE, Kind.QUOTE, Kind.SPLIT, Kind.CORRECTION}
_PAGE = 50_000  # rows
_OUTPUTS = 5_000


class History(NamedTuple):
    """Rows of an instrument's partition in the order of the log, and what they were folded into."""

    rows: Rows
    symbols: Sequence[str]
    settings: RuleSettings
    changes: dict[int, RuleChange]  # by number
    said: tuple[Output, ...]  # what the rules said of the instrument, as the store has it

    def in_force(self, ts: int) -> RuleChange:
        """Return what the rules were when events of ``ts`` were folded."""
        rows = self.rows
        later = np.flatnonzero((rows["ts"] > ts) & (rows["kind"] != Kind.CHANGE))
        before = rows[: later[0]] if len(later) else rows
        numbers = before["open"][before["kind"] == Kind.CHANGE]
        chosen = int(numbers[-1]) if len(numbers) else max(self.changes, default=0)
        return self.changes.get(chosen, RuleChange())

    def batch(self, wanted: Sequence[str], *, ticks: bool = False) -> Batch:
        """Return the rows of some instruments, and the ``ticks`` of the clock if asked for."""
        codes = [code for code, name in enumerate(self.symbols) if name in wanted]
        market = np.isin(self.rows["kind"], tuple(_MARKET))
        mine = market & np.isin(self.rows["instrument"], codes)
        if ticks:
            mine |= self.rows["kind"] == Kind.CLOCK
        return Batch(self.rows[mine], self.symbols)


async def history_of(settings: Settings, symbol: str) -> History:
    """Read the log and the store of a data folder, also beside a running daemon.

    Raises:
        SettingsError: there is none, or it does not know the instrument.
    """
    async with store_to_read(settings) as store:
        body = await store.desired()
        if body is None:
            raise SettingsError(f"no daemon has run on data folder {settings.data} yet")
        desired = decode(body)
        symbols = await store.instruments()
        if symbol not in symbols:
            known = ", ".join(sorted(symbols)[:20]) or "none"
            raise SettingsError(f"the log holds nothing of {symbol}; it has {known}")
        partition = partition_of(symbol, desired.rules.partitions)
        async with log_to_read(settings, desired.rules.partitions) as event_log:
            reader = Reader(event_log, store, SYSTEM_CLOCK, partition, _PAGE)
            entries = await _entries(reader)
            numbers = {number for entry in entries for number in _changes(entry.rows)}
            numbers |= {change.number for change in await store.changes(1)}
            found = {number: await store.change(number) for number in numbers}
            changes = {number: decode_change(one.body) for number, one in found.items() if one}
            rows = await _whole(reader, entries, changes)
        said = await _said(store, f"{RULES}/{partition}", symbol)
    return History(
        rows, symbols, msgspec.structs.replace(desired.rules, partition=partition), changes, said
    )


async def _entries(reader: Reader) -> Sequence[Entry]:
    found: list[Entry] = []
    while read := await reader.read(found[-1].position if found else ORIGIN):
        found += read
    return found


def _changes(rows: Rows) -> list[int]:
    return [int(number) for number in rows["open"][rows["kind"] == Kind.CHANGE].tolist()]


async def _whole(
    reader: Reader, entries: Sequence[Entry], changes: Mapping[int, RuleChange]
) -> Rows:
    """Return the rows of a partition, with the past of what its rules came to refer to."""
    refs = {symbol for change in changes.values() for symbol in change.refs}
    newest = max((entry.marks.get(CHANGES, 0) for entry in entries), default=0)
    merged = Merged(await read_past(reader, refs, newest, wait=False))
    parts = [empty_rows(0), *(merged.with_past(entry).rows for entry in entries)]
    return np.concatenate(parts)


async def _said(store: Store, unit: str, symbol: str) -> tuple[Output, ...]:
    cursors = {name: mark.out_seq for name, mark in (await store.marks()).items() if name != unit}
    found: list[Output] = []
    while page := await store.outputs(cursors, _OUTPUTS):
        found += (each.output for each in page if each.output.instrument == symbol)
        cursors.update({each.unit_id: each.out_seq for each in page})
    return tuple(found)
