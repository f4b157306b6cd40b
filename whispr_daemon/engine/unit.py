"""The one loop: claim, recover, then read, fold, commit (delivery.md, 4 and 5)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from whispr_daemon.domain.errors import (
    Fatal,
    Fenced,
    LogWentBack,
    Poison,
    RetentionBroken,
    StaleCommit,
    StrategyFailed,
    Transient,
)
from whispr_daemon.domain.outputs import Output, kind_of
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.unit import UnitReport, UnitSpec, UnitState
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.retry import Backoff, Result, persist
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry, EventLog
from whispr_daemon.ports.metrics import (
    COMMIT_SECONDS,
    EVENTS,
    LAG_ROWS,
    OUTPUTS,
    SNAPSHOT_BYTES,
    TICK_TO_SIGNAL_SECONDS,
    UNIT_STATE,
    Metrics,
)
from whispr_daemon.ports.store import Claim, Commit, Snapshot, Store, UnitMark
from whispr_daemon.ports.strategy import Warming

_READ_WAIT: Final = 0.2  # seconds; also how long a stop may go unnoticed
_TAIL_EVERY: Final = 1.0  # seconds between two questions for the end of a busy log
_NANOS: Final = 1e9
_STATES: Final[tuple[UnitState, ...]] = (
    "starting",
    "recovering",
    "live",
    "quarantined",
    "stopped",
)


class Cadence(Value, frozen=True, kw_only=True):
    """How often a unit makes itself durable when it has nothing to say."""

    idle_commit: float = 1.0  # seconds
    snapshot: float = 5.0  # seconds
    snapshot_rows: int = 1_000_000
    read_rows: int = 65_536  # most rows folded between two commits


class Ports(Value, frozen=True, kw_only=True):
    """What a unit is given of the world."""

    log: EventLog
    store: Store
    clock: Clock
    metrics: Metrics


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
        self._log, self._store = ports.log, ports.store
        self._clock, self._metrics = ports.clock, ports.metrics
        self._owner = owner
        self._cadence = cadence
        self._committed = committed
        self._symbols: Sequence[str] = ()
        self._mark = UnitMark(epoch=0, start=spec.start, wm=ORIGIN, out_seq=0, out_hash="")
        self._pending: list[Output] = []
        self._pending_ingest: list[int] = []  # ts_ingest, ns, of the entry each output answers
        self._state: UnitState = "starting"
        self._reason = ""
        self._stopping = False
        self._turns = 0
        self._tail_rows = 0
        self._ask_tail_at = 0.0
        self._last_commit = self._last_snapshot = 0.0
        self._snapshot_at: Position = ORIGIN
        self._rows_at_snapshot = 0
        self._name = spec.unit_id
        self._journal = structlog.get_logger("whispr.unit").bind(
            unit=self._name, partition=spec.partition
        )

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
            turns=self._turns,
            reason=self._reason,
            warmup=self._warmup(),
        )

    def _warmup(self) -> Mapping[str, str]:
        strategy = self._fold.strategy
        if not isinstance(strategy, Warming):
            return {}
        try:
            return dict(strategy.warmup())
        except Exception as error:  # noqa: BLE001 - foreign code; the report says what it raised
            return {"warmup": f"raised {error!r}"}

    async def run(self) -> None:
        """Run to the end. A failure of the strategy quarantines the unit and returns.

        Raises:
            Fenced: another owner has claimed the unit.
            Fatal: the log or the store broke a promise.
        """
        try:
            await self._recover(await self._claim())
            await self._live()
            await self._commit(with_snapshot=True)
            self._become("stopped")
        except Poison as error:
            await self._quarantine(await self._last_words(error))

    def _turn(self) -> None:
        self._turns += 1

    async def _persist(self, doing: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        return await persist(self._clock, doing, attempt, self._turn)

    async def _claim(self) -> Claim:
        claim = await self._persist(
            "claim",
            lambda: self._store.claim(
                self._name, self.spec.partition, self._owner, self.spec.start
            ),
        )
        self._mark = claim.mark
        return claim

    async def _recover(self, claim: Claim) -> None:
        self._become("recovering")
        mark, snapshot = claim.mark, claim.snapshot
        if snapshot is not None:
            self._fold.restore(snapshot)
        await self._check_log(mark, fresh=snapshot is None and mark.wm == mark.start)
        await self._replay(mark)
        self._compare(mark, snapshot)
        self._snapshot_at = ORIGIN if snapshot is None else snapshot.position
        self._last_commit = self._last_snapshot = self._clock.monotonic()
        self._rows_at_snapshot = self._fold.rows
        if snapshot is None or snapshot.code_version != self._fold.code_version:
            await self._commit(with_snapshot=True)

    async def _replay(self, mark: UnitMark) -> None:
        """Fold up to ``wm`` in silence; count what was said since this code's outputs began."""
        counted_after = max(mark.start, self._fold.counted_from)
        while self._fold.position < mark.wm:
            entries = await self._read(wait=0.0)
            for entry in entries:
                if entry.position > mark.wm:
                    return  # a unit that is new, on a log trimmed past its start
                outputs = self._take(entry)
                if entry.position > counted_after:
                    self._fold.count(outputs)
            if not entries:
                return

    async def _check_log(self, mark: UnitMark, *, fresh: bool) -> None:
        partition = self.spec.partition
        last = await self._persist("last", lambda: self._log.last(partition))
        if last < mark.wm or not (fresh or await self._holds(mark.wm)):
            raise LogWentBack(
                f"{self._name}: outputs are durable up to {mark.wm}, which the log of partition "
                f"{partition} does not hold (it ends at {last}); restore the log, or use the data "
                "folder it belongs to"
            )
        retained = await self._persist(
            "read",
            lambda: self._log.read(partition, ORIGIN, self._cadence.read_rows, 0.0),
        )
        missing = next((entry.offset - len(entry.rows) for entry in retained if len(entry.rows)), 0)
        if missing > self._fold.rows and not fresh:
            raise RetentionBroken(
                f"{self._name}: its newest snapshot stands at row {self._fold.rows} of partition "
                f"{partition}, the log was trimmed up to row {missing}"
            )

    async def _holds(self, position: Position) -> bool:
        """Whether there is an entry at a position, or was before it was trimmed with all older."""
        partition = self.spec.partition
        first = await self._persist("first", lambda: self._log.first(partition))
        if position == ORIGIN or position < first:
            return True
        before = Position.unpack(position.pack() - 1)
        found = await self._persist("read", lambda: self._log.read(partition, before, 1, 0.0))
        return bool(found) and found[0].position == position

    def _compare(self, mark: UnitMark, snapshot: Snapshot | None) -> None:
        if snapshot is not None and snapshot.code_version != self._fold.code_version:
            # Outputs of the old code up to wm are said and durable; the new code begins here.
            self._journal.warning(
                "code changed", found=snapshot.code_version, running=self._fold.code_version
            )
            self._fold.begin_counting(mark.out_seq, mark.out_hash)
            return
        if (self._fold.out_seq, self._fold.out_hash) != (mark.out_seq, mark.out_hash):
            raise StrategyFailed(
                f"replayed differently: {self._fold.out_seq} outputs with hash "
                f"{self._fold.out_hash or 'none'} up to {mark.wm}, durable are {mark.out_seq} with "
                f"{mark.out_hash or 'none'}; it reads something that is not in the log"
            )

    async def _live(self) -> None:
        self._become("live")
        while not self._stopping:
            entries = await self._read(wait=_READ_WAIT)
            for entry in entries:
                outputs = self._take(entry)
                self._fold.count(outputs)
                self._pending += outputs
                self._pending_ingest += [entry.ts_ingest] * len(outputs)
            now = self._clock.monotonic()
            await self._show_lag(now, caught_up=not entries)
            moved = self._fold.position != self._mark.wm
            snapshot = self._snapshot_due(now)
            if (
                self._pending
                or snapshot
                or (moved and now - self._last_commit >= self._cadence.idle_commit)
            ):
                await self._commit(with_snapshot=snapshot)

    async def _read(self, wait: float) -> Sequence[Entry]:
        after = self._fold.position
        entries = await self._persist(
            "read",
            lambda: self._log.read(self.spec.partition, after, self._cadence.read_rows, wait),
        )
        highest = max((int(_top_code(entry)) for entry in entries), default=-1)
        if highest >= len(self._symbols):
            self._symbols = await self._persist("instruments", self._store.instruments)
            if highest >= len(self._symbols):
                raise Fatal(
                    f"{self._name}: the log names instrument {highest}, the store knows "
                    f"{len(self._symbols)}: log and store are not of the same daemon"
                )
        return entries

    def _take(self, entry: Entry) -> list[Output]:
        try:
            outputs = self._fold.take(entry, self._symbols)
        except StrategyFailed as error:
            raise StrategyFailed(f"at position {entry.position}: {error}") from error
        self._metrics.count(EVENTS, len(entry.rows), self._name)
        return outputs

    async def _show_lag(self, now: float, *, caught_up: bool) -> None:
        if caught_up:
            self._tail_rows = self._fold.rows
        elif now >= self._ask_tail_at:
            self._ask_tail_at = now + _TAIL_EVERY
            tail = await self._persist("tail", lambda: self._log.tail(self.spec.partition))
            self._tail_rows = tail.offset if tail else 0
        lag = max(0, self._tail_rows - self._fold.rows)
        self._metrics.gauge(LAG_ROWS, lag, self._name, str(self.spec.partition))

    def _snapshot_due(self, now: float) -> bool:
        if not self._fold.snapshots or self._fold.position == self._snapshot_at:
            return False
        return (
            now - self._last_snapshot >= self._cadence.snapshot
            or self._fold.rows - self._rows_at_snapshot >= self._cadence.snapshot_rows
        )

    async def _commit(self, *, with_snapshot: bool) -> None:
        snapshot = self._fold.snapshot() if with_snapshot else None
        commit = Commit(
            unit_id=self._name,
            epoch=self._mark.epoch,
            old=self._mark.wm,
            new=max(self._fold.position, self._mark.wm),  # recovery may stand before wm
            out_seq=self._fold.out_seq,
            out_hash=self._fold.out_hash,
            outputs=tuple(self._pending),
            snapshot=snapshot,
        )
        began = self._clock.monotonic()
        await self._settle(commit)
        self._last_commit = self._clock.monotonic()
        self._metrics.observe(COMMIT_SECONDS, self._last_commit - began, self._name)
        self._mark = UnitMark(
            epoch=commit.epoch,
            start=self._mark.start,
            wm=commit.new,
            out_seq=commit.out_seq,
            out_hash=commit.out_hash,
        )
        if snapshot is not None:
            self._last_snapshot, self._snapshot_at = self._last_commit, snapshot.position
            self._rows_at_snapshot = self._fold.rows
            self._metrics.gauge(SNAPSHOT_BYTES, len(snapshot.body), self._name)
        self._tell(commit)

    async def _settle(self, commit: Commit) -> None:
        """Send the commit until it is known to be durable; unsure is resolved by asking."""
        backoff = Backoff(self._clock)
        while True:
            try:
                return await self._store.commit(commit)
            except (StaleCommit, Transient) as error:
                self._journal.warning("commit unsure", error=str(error), position=str(commit.new))
                await backoff.wait()
                mark = await self._persist("mark", lambda: self._store.mark(self._name))
            if mark.epoch != commit.epoch:
                raise Fenced(f"{self._name}: epoch {mark.epoch} has taken over from {commit.epoch}")
            if mark.wm == commit.new and commit.new != commit.old:
                return None  # it had happened
            if mark.wm != commit.old:
                raise Fatal(
                    f"{self._name}: durable up to {mark.wm}, expected {commit.old} or {commit.new}"
                )

    def _tell(self, commit: Commit) -> None:
        if not commit.outputs:
            return
        now = self._clock.now()
        for output, ts_ingest in zip(commit.outputs, self._pending_ingest, strict=True):
            self._metrics.count(OUTPUTS, 1, self._name, kind_of(output))
            self._metrics.observe(TICK_TO_SIGNAL_SECONDS, (now - ts_ingest) / _NANOS, self._name)
            self._journal.info(
                kind_of(output), position=str(commit.new), signal_id=output.id, name=output.name
            )
        self._pending.clear()
        self._pending_ingest.clear()
        self._committed()

    async def _last_words(self, error: Poison) -> Poison:
        """Commit what was said before a failure, for that is valid; return what went wrong."""
        if not (isinstance(error, StrategyFailed) and self._pending):
            return error
        try:
            await self._commit(with_snapshot=False)
        except Poison as another:
            return another
        return error

    async def _quarantine(self, error: Poison) -> None:
        self._journal.error("quarantined", reason=str(error), position=str(self._fold.position))
        await self._persist(
            "quarantine",
            lambda: self._store.quarantine(
                self._name, self._mark.epoch, self._fold.position, str(error)
            ),
        )
        self._reason = str(error)
        self._become("quarantined")

    def _become(self, state: UnitState) -> None:
        self._state = state
        for each in _STATES:
            self._metrics.gauge(UNIT_STATE, float(each == state), self._name, each)


def _top_code(entry: Entry) -> int:
    """Return the highest instrument code of an entry, -1 where it has only clock ticks."""
    codes = entry.rows["instrument"].astype("i4", copy=False)  # NO_INSTRUMENT becomes -1
    return int(codes.max()) if len(codes) else -1
