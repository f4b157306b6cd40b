"""The one loop: claim, recover, then read, fold, commit."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Final

from whispr_daemon.domain.errors import Poison, StrategyFailed
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.domain.unit import UnitReport, UnitSpec, UnitState
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.commit import settle
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.learning import follow
from whispr_daemon.engine.reader import Reader
from whispr_daemon.engine.recovery import recover
from whispr_daemon.engine.telling import Said, Telling
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.metrics import Metrics
from whispr_daemon.ports.store import Commit, Store, UnitMark

_READ_WAIT: Final = 0.2  # seconds; also how long a stop may go unnoticed
_TAIL_EVERY: Final = 1.0  # seconds between two questions for the end of a busy log
_MANY: Final = 1_024  # rows of a commit that is not waited for: the next are folded meanwhile


class Cadence(Value, frozen=True, kw_only=True):
    """How often a unit makes itself durable when it has nothing to say."""

    idle_commit: float = 1.0  # seconds
    snapshot: float = 5.0  # seconds
    snapshot_rows: int = 1_000_000
    read_rows: int = 65_536  # most rows folded between two commits …
    outputs: int = 10_000  # … of which no more are held than this and those of one entry


class Ports(Value, frozen=True, kw_only=True):
    """What a unit is given of the world."""

    log: EventLog
    store: Store
    clock: Clock
    metrics: Metrics
    troubles: Callable[[], tuple[Trouble, ...]] = lambda: ()  # what of log and store fails now


class Unit:
    """One strategy on one partition. It runs until stopped, quarantined or fenced."""

    def __init__(
        self,
        spec: UnitSpec,
        fold: Fold,
        ports: Ports,
        owner: str,
        cadence: Cadence,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        """``committed`` is called when outputs have become durable (the relay wants to know)."""
        self.spec = spec
        self._fold = fold
        self._store, self._clock = ports.store, ports.clock
        self._reader = Reader(
            ports.log, ports.store, ports.clock, spec.partition, cadence.read_rows
        )
        self._owner = owner
        self._cadence = cadence
        self._committed = committed
        self._mark = UnitMark(epoch=0, start=spec.start, wm=ORIGIN, out_seq=0, out_hash="")
        self._pending: list[Said] = []  # what is not durable yet
        self._held = 0  # outputs of it
        self._under_way: asyncio.Task[None] | None = None  # a commit, one at most
        self._rows_at_commit = 0
        self._state: UnitState = "starting"
        self._reason = ""
        self._stopping = False
        self._tail_rows = 0
        self._ask_tail_at = 0.0
        self._last_commit = self._last_snapshot = 0.0
        self._snapshot_at: Position = ORIGIN
        self._rows_at_snapshot = 0
        self._name = spec.unit_id
        self._telling = Telling(spec, ports.clock, ports.metrics)

    def stop(self) -> None:
        """Ask for a clean stop: last commit, snapshot, end."""
        self._stopping = True

    def report(self) -> UnitReport:
        """Return how the unit stands."""
        return UnitReport(
            unit_id=self._name,
            partition=self.spec.partition,
            state=self._state,
            position=self._fold.position,
            committed=self._mark.wm,
            rows=self._fold.rows,
            lag_rows=max(0, self._tail_rows - self._fold.rows),
            outputs=self._mark.out_seq,
            turns=self._reader.turns,
            reason=self._reason,
            warmup=self._warmup(),
        )

    def _warmup(self) -> Mapping[str, str]:
        strategy = self._fold.strategy
        if not hasattr(strategy, "warmup"):  # a Protocol would be asked for longer than it answers
            return {}
        try:
            return dict(strategy.warmup())
        except Exception as error:  # noqa: BLE001 - foreign code; the report says what it raised
            return {"warmup": f"raised {error!r}"}

    async def held(self) -> bool:
        """Whether the store has it in quarantine: then it must not run, and reports why."""
        found = await self._reader.persist("quarantined", self._store.quarantined)
        mine = next((each for each in found if each.unit_id == self._name), None)
        if mine is not None:
            self._reason = mine.reason
            self._become("quarantined")
        return mine is not None

    async def run(self) -> None:
        """Run to the end. A failure of the strategy quarantines the unit and returns.

        Raises:
            Fenced: another owner has claimed the unit.
            Fatal: the log or the store broke a promise.
        """
        try:
            await self._recover()
            await self._live()
            await self._commit(with_snapshot=True)
            await self._settled()
            self._become("stopped")
        except Poison as error:
            await self._quarantine(await self._last_words(error))
        finally:
            if self._under_way is not None:
                self._under_way.cancel()
                await asyncio.gather(self._under_way, return_exceptions=True)

    async def _recover(self) -> None:
        self._become("recovering")
        claim = await self._reader.persist(
            "claim",
            lambda: self._store.claim(
                self._name, self.spec.partition, self._owner, self.spec.start
            ),
        )
        crash_here("unit_claimed")
        self._mark, snapshot = claim.mark, claim.snapshot
        await recover(self._name, self._fold, claim, self._reader)
        crash_here("unit_recovered")
        self._snapshot_at = ORIGIN if snapshot is None else snapshot.position
        self._last_commit = self._last_snapshot = self._clock.monotonic()
        self._rows_at_snapshot = self._fold.rows
        # After a change the log may be trimmed: what was learned from it must not be needed again.
        anew = snapshot is None or snapshot.code_version != self._fold.code_version
        if anew or self._fold.changes:
            await self._commit(with_snapshot=True)
            await self._settled()

    async def _live(self) -> None:
        self._become("live")
        while not self._stopping:
            if self._under_way is not None and self._under_way.done():
                await self._settled()
            wait = 0.0 if self._pending else _READ_WAIT
            entries = await self._reader.read(self._fold.position, wait)
            changes = self._fold.changes
            for entry in entries:
                outputs = await follow(self._fold, entry, self._reader)
                self._telling.folded(len(entry.rows))
                self._fold.count(outputs)
                if outputs:
                    self._pending.append(Said(outputs, entry))
                    self._held += len(outputs)
                if self._held >= self._cadence.outputs:
                    await self._commit(with_snapshot=self._fold.changes > changes)
                    changes = self._fold.changes
            now = self._clock.monotonic()
            await self._show_lag(now, caught_up=not entries)
            moved = self._under_way is None and self._fold.position != self._mark.wm
            snapshot = self._snapshot_due(now) or self._fold.changes > changes
            busy = bool(entries) and self._under_way is not None and not self._under_way.done()
            if (
                (self._pending and not busy)
                or snapshot
                or (moved and now - self._last_commit >= self._cadence.idle_commit)
            ):
                await self._commit(with_snapshot=snapshot)

    async def _show_lag(self, now: float, *, caught_up: bool) -> None:
        if caught_up:
            self._tail_rows = self._fold.rows
        elif now >= self._ask_tail_at:
            self._ask_tail_at = now + _TAIL_EVERY
            self._tail_rows = await self._reader.rows()
        self._telling.lag(max(0, self._tail_rows - self._fold.rows))

    def _snapshot_due(self, now: float) -> bool:
        due = (
            now - self._last_snapshot >= self._cadence.snapshot
            or self._fold.rows - self._rows_at_snapshot >= self._cadence.snapshot_rows
        )
        return due and self._fold.position != self._snapshot_at and self._fold.snapshots

    async def _commit(self, *, with_snapshot: bool) -> None:
        """Commit what is pending, after the commit before it; of many rows it is left under way."""
        await self._settled()
        snapshot = self._fold.snapshot() if with_snapshot else None
        commit = Commit(
            unit_id=self._name,
            epoch=self._mark.epoch,
            old=self._mark.wm,
            new=max(self._fold.position, self._mark.wm),  # recovery may stand before wm
            out_seq=self._fold.out_seq,
            out_hash=self._fold.out_hash,
            outputs=tuple(chain.from_iterable(said.outputs for said in self._pending)),
            snapshot=snapshot,
        )
        if commit.outputs:
            crash_here("entries_folded")
        if snapshot is not None:
            crash_here("before_snapshot")
            self._last_snapshot, self._snapshot_at = self._clock.monotonic(), snapshot.position
            self._rows_at_snapshot = self._fold.rows
        many = self._fold.rows - self._rows_at_commit >= _MANY
        said, self._pending, self._held = self._pending, [], 0
        self._rows_at_commit = self._fold.rows
        if many:
            self._under_way = asyncio.create_task(self._settle(commit, said), name=self._name)
        else:
            await self._settle(commit, said)

    async def _settle(self, commit: Commit, said: Sequence[Said]) -> None:
        """Make a commit durable and tell what was said with it."""
        began = self._clock.monotonic()
        await settle(commit, self._store, self._clock, self._reader)
        self._last_commit = self._clock.monotonic()
        self._telling.committed(self._last_commit - began)
        self._mark = UnitMark(
            epoch=commit.epoch,
            start=self._mark.start,
            wm=commit.new,
            out_seq=commit.out_seq,
            out_hash=commit.out_hash,
        )
        if commit.snapshot is not None:
            crash_here("after_snapshot")
            self._telling.snapshot(len(commit.snapshot.body))
        if said:
            self._telling.said(said)
            self._committed()

    async def _settled(self) -> None:
        """Return when no commit is under way; raise what ended it."""
        if self._under_way is not None:
            try:
                await self._under_way
            finally:
                self._under_way = None

    async def _last_words(self, error: Poison) -> Poison:
        """Commit what was said before a failure, for that is valid; return what went wrong."""
        try:
            await self._settled()
            if not (isinstance(error, StrategyFailed) and self._pending):
                return error
            await self._commit(with_snapshot=False)
            await self._settled()
        except Poison as another:
            return another
        return error

    async def _quarantine(self, error: Poison) -> None:
        self._telling.fails(str(error), self._fold.position)
        crash_here("before_quarantine")
        await self._reader.persist(
            "quarantine",
            lambda: self._store.quarantine(
                self._name, self._mark.epoch, self._fold.position, str(error)
            ),
        )
        crash_here("after_quarantine")
        self._telling.quarantined()
        self._reason = str(error)
        self._become("quarantined")

    def _become(self, state: UnitState) -> None:
        self._state = state
        self._telling.state(state)
