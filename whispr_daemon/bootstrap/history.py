"""What the log of a data folder holds for one instrument, with the rules that were in force."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from whispr_daemon.bootstrap.desired import RULES, decode
from whispr_daemon.bootstrap.look import log_to_read, store_to_read
from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store
from whispr_daemon.rules.change import RuleChange
from whispr_daemon.rules.change import decode as decode_change
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.settings import Settings

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

    def batch(self, wanted: Sequence[str]) -> Batch:
        """Return the rows of some instruments; changes and clock ticks are left out."""
        codes = [code for code, name in enumerate(self.symbols) if name in wanted]
        market = np.isin(self.rows["kind"], (Kind.BAR, Kind.TRADE, Kind.QUOTE, Kind.SPLIT))
        return Batch(self.rows[market & np.isin(self.rows["instrument"], codes)], self.symbols)


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
            rows = await _rows(event_log, partition)
        numbers = {int(number) for number in rows["open"][rows["kind"] == Kind.CHANGE]}
        numbers |= {change.number for change in await store.changes(1)}
        found = {number: await store.change(number) for number in numbers}
        changes = {number: decode_change(one.body) for number, one in found.items() if one}
        said = await _said(store, f"{RULES}/{partition}", symbol)
    return History(
        rows, symbols, msgspec.structs.replace(desired.rules, partition=partition), changes, said
    )


async def _rows(event_log: EventLog, partition: int) -> Rows:
    parts: list[Rows] = [empty_rows(0)]
    after = ORIGIN
    while entries := await event_log.read(partition, after, _PAGE, 0.0):
        parts += (entry.rows for entry in entries)
        after = entries[-1].position
    return np.concatenate(parts)


async def _said(store: Store, unit: str, symbol: str) -> tuple[Output, ...]:
    cursors = {name: mark.out_seq for name, mark in (await store.marks()).items() if name != unit}
    found: list[Output] = []
    while page := await store.outputs(cursors, _OUTPUTS):
        found += (each.output for each in page if each.output.instrument == symbol)
        cursors.update({each.unit_id: each.out_seq for each in page})
    return tuple(found)
