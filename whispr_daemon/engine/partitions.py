"""The partitions of the log as ingest writes them: each gets what is its own, and lacks."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows, change_row, chosen
from whispr_daemon.domain.errors import Fatal
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.moments import references_first
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.instruments import Instruments
from whispr_daemon.engine.ledger import Ledger
from whispr_daemon.engine.retry import Persist
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry, EventLog
from whispr_daemon.ports.metrics import APPEND_SECONDS, Metrics
from whispr_daemon.ports.store import Store

_CLOCK: Final = int(Kind.CLOCK)  # numpy takes long to make a number of an enum
CHANGES: Final = "rules"  # the source that changes of the rules are marked as


class Partitions:
    """All partitions. Rows go home by their instrument.

    Clock ticks, changes, and rows of symbols that rules refer to go to all: which partitions have
    symbols of such rules changes with every new instrument, and one that got them late would lack
    their history.
    """

    def __init__(
        self,
        log: EventLog,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        persist: Persist,
        refs_of: Callable[[bytes], Collection[str]],
    ) -> None:
        """``refs_of`` says which symbols the rules of a change refer to."""
        self._log, self._store = log, store
        self._clock, self._metrics = clock, metrics
        self._persist = persist
        self._refs_of = refs_of
        self._all = range(log.partitions)
        self.ledger = Ledger(log, persist)
        self.instruments = Instruments(store, persist, log.partitions)
        self.refs = np.zeros(0, dtype=np.int64)  # codes of what rules refer to

    async def append(self, rows: Rows, seqs: NDArray[np.int64], source: str, taken: int) -> None:
        """Append rows with their numbers in the source, shapes (n,), where they are not yet.

        With them the source is in up to number ``taken``.
        """
        everywhere = tick = rows["kind"] == _CLOCK
        if len(self.refs):
            referred = np.isin(rows["instrument"], self.refs)
            order = references_first(rows, referred)
            rows, seqs, tick = rows.take(order), seqs[order], tick[order]
            everywhere = tick | referred[order]
        home = self.instruments.homes(np.where(tick, 0, rows["instrument"]))
        here = np.bincount(home, minlength=len(self._all)).tolist()  # rows by partition
        shared, least = bool(everywhere.any()), int(seqs.min(initial=taken))
        now = self._clock.now()
        entries = []
        for partition in self._all:
            if not (shared or here[partition]):
                continue
            mine = home == partition
            if shared:
                mine |= everywhere
            has = self.ledger.has(partition, source)
            if has >= least:
                mine &= seqs > has
            if mine.any():
                marks = {source: taken}
                entry = self.ledger.entry(partition, chosen(rows, mine), source, marks, now)
                entries.append((partition, entry))
        await self._append(entries)

    async def append_change(self, number: int, ts: int, source: str, taken: int) -> None:
        """Append a change at event time ``ts``; nothing of the source up to ``taken`` follows it.

        Raises:
            Fatal: the store does not know the change.
        """
        row = change_row(number, ts)
        marks = {CHANGES: number} | ({source: taken} if taken else {})
        now = self._clock.now()
        crash_here("before_change")
        await self._append(
            [
                (each, self.ledger.entry(each, row, CHANGES, marks, now))
                for each in self._all
                if self.ledger.has(each, CHANGES) < number
            ]
        )
        crash_here("after_change")
        await self.refer(number)

    async def refer(self, number: int) -> None:
        """Send everywhere, from now on, what the rules of a change refer to.

        Raises:
            Fatal: the store does not know the change.
        """
        found = await self._persist("change", lambda: self._store.change(number))
        if found is None:
            raise Fatal(
                f"the log names change {number}, which the store does not know: log and store are "
                "not of the same daemon"
            )
        self.refs = await self.instruments.codes_of(sorted(self._refs_of(found.body)))

    def most(self, source: str) -> int:
        """Return how far the source is in the partition that has most of it."""
        return max(self.ledger.has(each, source) for each in self._all)

    def least(self, source: str) -> int:
        """Return how far the source is in every partition."""
        return min(self.ledger.has(each, source) for each in self._all)

    async def _append(self, entries: Sequence[tuple[int, Entry]]) -> None:
        if not entries:
            return
        began = self._clock.monotonic()
        crash_here("before_append")
        await self._persist("append", lambda: self._log.append(entries))
        crash_here("after_append")
        self._metrics.observe(APPEND_SECONDS, self._clock.monotonic() - began)
