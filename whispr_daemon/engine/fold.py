"""A strategy folded over log entries: outputs sealed, state snapshotted. Pure: no clock, no I/O."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from whispr_daemon.domain.batch import NO_INSTRUMENT, Batch, Rows
from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.events import ClockTick
from whispr_daemon.domain.outputs import Alert, Audit, Ordinals, Output, Sealer, Signal, chain
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.store import Snapshot
from whispr_daemon.ports.strategy import ColumnarStrategy, Snapshotting, Strategy

_CODEC: Final = "msgpack/1"
_FRESH: Final = "fresh/1"  # the strategy is built anew and folds the log from its start


class _Memory(msgspec.Struct):
    """What the body of a snapshot holds."""

    strategy: bytes
    ordinals: dict[str, Ordinals]
    marks: dict[str, int]
    rows: int


class Fold:
    """One strategy and what must be remembered with it between two entries."""

    def __init__(
        self,
        strategy: Strategy | ColumnarStrategy,
        origin: str,
        code_version: str,
        only: Collection[str] = (),
        partition: int = 0,
    ) -> None:
        """``only`` names the instruments the strategy wishes; empty means all."""
        self._strategy = strategy
        self._only = frozenset(only)
        self._sealer = Sealer(origin, strategy.version, partition)
        self._marks: dict[str, int] = {}
        self.code_version = code_version
        self.position: Position = ORIGIN
        self.counted_from: Position = ORIGIN  # outputs up to here are none of this code's
        self.rows = 0  # rows of the partition up to the position
        self.out_seq = 0
        self.out_hash = ""
        self._begun = (0, "")  # out_seq and out_hash at counted_from

    @property
    def strategy(self) -> Strategy | ColumnarStrategy:
        """The strategy folded."""
        return self._strategy

    @property
    def snapshots(self) -> bool:
        """Whether the strategy's state can be written down at all."""
        return isinstance(self._strategy, Snapshotting) or self.state is not None

    def take(self, entry: Entry, symbols: Sequence[str]) -> list[Output]:
        """Fold one entry; return its outputs, sealed. ``symbols[code]`` names the instruments.

        An entry whose source was already taken in further is passed over.

        Raises:
            StrategyFailed: the strategy raised, or said something without a name or a time.
        """
        outputs = []
        if not self._repeated(entry):
            outputs = self._answers(entry, symbols)
            self._marks.update(entry.marks)
        self.position = entry.position
        self.rows = max(self.rows, entry.offset)
        return outputs

    def _repeated(self, entry: Entry) -> bool:
        mark = entry.marks.get(entry.source)
        return (
            bool(len(entry.rows)) and mark is not None and mark <= self._marks.get(entry.source, 0)
        )

    def count(self, outputs: Sequence[Output]) -> None:
        """Add outputs to the unit's sequence and running hash."""
        for output in outputs:
            self.out_seq += 1
            self.out_hash = chain(self.out_hash, output)

    def begin_counting(self, out_seq: int, out_hash: str) -> None:
        """Let this code's outputs begin after the current position, as number ``out_seq + 1``."""
        self.counted_from = self.position
        self.out_seq, self.out_hash = out_seq, out_hash
        self._begun = (out_seq, out_hash)

    def snapshot(self) -> Snapshot:
        """Return the state at the current position.

        Of a strategy whose state cannot be written, return where its outputs began; restored, it
        folds the log from its start.

        Raises:
            StrategyFailed: the strategy cannot write its state.
        """
        if not self.snapshots:
            return self._snapshot(self._begun, _FRESH, msgspec.msgpack.encode(self.counted_from))
        memory = _Memory(
            strategy=self._strategy_state(),
            ordinals=self._sealer.snapshot(),
            marks=self._marks,
            rows=self.rows,
        )
        said = (self.out_seq, self.out_hash)
        return self._snapshot(said, _CODEC, msgspec.msgpack.encode(memory))

    def _snapshot(self, said: tuple[int, str], codec: str, body: bytes) -> Snapshot:
        return Snapshot(
            position=self.position,
            out_seq=said[0],
            out_hash=said[1],
            code_version=self.code_version,
            codec=codec,
            body=body,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Take a snapshot back into a strategy built anew.

        Raises:
            StrategyFailed: the strategy cannot read it.
        """
        self.out_seq, self.out_hash = self._begun = (snapshot.out_seq, snapshot.out_hash)
        if not self.snapshots and snapshot.codec == _CODEC:
            return  # the code before this one wrote its state; this one needs the whole log
        if snapshot.codec == _FRESH:
            self.counted_from = Position(*msgspec.msgpack.decode(snapshot.body))
            return
        if snapshot.codec != _CODEC:
            raise StrategyFailed(f"its snapshot is written as {snapshot.codec!r}, not {_CODEC!r}")
        memory = msgspec.msgpack.decode(snapshot.body, type=_Memory)
        self._restore_strategy(memory.strategy)
        self._sealer.restore(memory.ordinals)
        self._marks = memory.marks
        self.rows = memory.rows
        self.position = self.counted_from = snapshot.position

    @property
    def state(self) -> msgspec.Struct | None:
        """The strategy's state, where it keeps all of it in one Struct."""
        state = getattr(self._strategy, "state", None)
        return state if isinstance(state, msgspec.Struct) else None

    def _strategy_state(self) -> bytes:
        try:
            if not isinstance(self._strategy, Snapshotting):
                return msgspec.msgpack.encode(self.state)
            body = self._strategy.snapshot()
            if not isinstance(body, bytes):
                raise TypeError(f"snapshot() returns bytes, this is {type(body).__name__}")  # noqa: TRY301
        except Exception as error:
            raise StrategyFailed(f"cannot write its snapshot: {error!r}") from error
        return body

    def _restore_strategy(self, body: bytes) -> None:
        # A strategy is foreign code: whatever it raises, its own unit stops and nobody else.
        try:
            if isinstance(self._strategy, Snapshotting):
                self._strategy.restore(body)
            else:
                found: Any = msgspec.msgpack.decode(body, type=type(self.state))
                setattr(self._strategy, "state", found)  # noqa: B010 - not part of the protocol
        except Exception as error:
            raise StrategyFailed(f"cannot restore its snapshot: {error!r}") from error

    def _wanted(self, rows: Rows, symbols: Sequence[str]) -> Rows:
        if not self._only:
            return rows
        wanted = np.fromiter((name in self._only for name in symbols), bool, len(symbols))
        clock = rows["instrument"] == NO_INSTRUMENT
        codes = np.where(clock, 0, rows["instrument"])
        chosen: Rows = rows[clock | (wanted[codes] if len(wanted) else False)]
        return chosen

    def _answers(self, entry: Entry, symbols: Sequence[str]) -> list[Output]:
        batch = Batch(self._wanted(entry.rows, symbols), symbols)
        if not len(batch):
            return []
        sealed: list[Output] = []
        where = f"at position {entry.position}"
        try:
            if isinstance(self._strategy, ColumnarStrategy):
                for output in self._strategy.on_batch(batch):
                    sealed.append(self._sealer.seal(_checked(output, 0, ""), 0))
                return sealed
            for event in batch.events():
                where = f"at position {entry.position}, {event.time.isoformat()}"
                instrument = "" if isinstance(event, ClockTick) else event.instrument
                for output in self._strategy.on_event(event):
                    named = _checked(output, event.ts_event, instrument)
                    sealed.append(self._sealer.seal(named, event.ts_event))
        except Exception as error:
            raise StrategyFailed(f"{where}: raised {error!r}") from error
        return sealed


def _checked(output: Output, ts_event: int, instrument: str) -> Output:
    if not isinstance(output, Signal | Alert | Audit):
        raise TypeError(f"a strategy says Signal, Alert or Audit, this is {type(output).__name__}")
    if not (output.ts_event or ts_event):
        raise ValueError(f"{output.name!r} has no ts_event")
    if output.instrument or not instrument:
        return output
    return msgspec.structs.replace(output, instrument=instrument)
