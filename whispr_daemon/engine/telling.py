"""What a unit tells of itself: lines in the log, and figures."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog

from whispr_daemon.domain.outputs import Written
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.unit import UnitSpec, UnitState
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.metrics import (
    COMMIT_SECONDS,
    EVENTS,
    LAG_ROWS,
    OUTPUTS,
    QUARANTINES,
    SNAPSHOT_BYTES,
    TICK_TO_SIGNAL_SECONDS,
    UNIT_STATE,
    Metrics,
)

_NANOS: Final = 1e9
_UNHEARD: Final = "audit"  # kept for whoever asks; nobody waits for it
_STATES: Final[tuple[UnitState, ...]] = (
    "starting",
    "recovering",
    "live",
    "quarantined",
    "stopped",
)


class Said(NamedTuple):
    """Outputs, and the entry they answer."""

    outputs: Sequence[Written]
    entry: Entry


class Telling:
    """The log and the figures of one unit."""

    def __init__(self, spec: UnitSpec, clock: Clock, metrics: Metrics) -> None:
        """Nothing is told yet."""
        self._name, self._partition = spec.unit_id, str(spec.partition)
        self._clock, self._metrics = clock, metrics
        self._journal = structlog.get_logger("whispr.unit").bind(
            unit=self._name, partition=spec.partition
        )

    def state(self, state: UnitState) -> None:
        """Show the state it is in now."""
        for each in _STATES:
            self._metrics.gauge(UNIT_STATE, float(each == state), self._name, each)

    def folded(self, rows: int) -> None:
        """Count rows of the log."""
        self._metrics.count(EVENTS, rows, self._name)

    def lag(self, rows: int) -> None:
        """Show how many rows it has not folded."""
        self._metrics.gauge(LAG_ROWS, rows, self._name, self._partition)

    def committed(self, seconds: float) -> None:
        """Show how long a commit took."""
        self._metrics.observe(COMMIT_SECONDS, seconds, self._name)

    def snapshot(self, size: int) -> None:
        """Show how large a snapshot is, in bytes."""
        self._metrics.gauge(SNAPSHOT_BYTES, size, self._name)

    def said(self, said: Sequence[Said]) -> None:
        """Log and count outputs that have become durable."""
        now = self._clock.now()
        for outputs, entry in said:
            taken = (now - entry.ts_ingest) / _NANOS
            for kind, count in Counter([output.kind for output in outputs]).items():
                self._metrics.count(OUTPUTS, count, self._name, kind)
                for _ in range(count if kind != _UNHEARD else 0):
                    self._metrics.observe(TICK_TO_SIGNAL_SECONDS, taken, self._name)
        if not self._journal.is_enabled_for(logging.INFO):  # asked once: there may be ten thousand
            return
        for outputs, entry in said:
            for output in outputs:
                self._journal.log(
                    logging.DEBUG if output.kind == _UNHEARD else logging.INFO,
                    output.kind,
                    position=str(entry.position),
                    signal_id=output.id,
                    name=output.name,
                )

    def fails(self, reason: str, position: Position) -> None:
        """Log that it will be put into quarantine."""
        self._journal.error("quarantined", reason=reason, position=str(position))

    def quarantined(self) -> None:
        """Count a quarantine that is durable."""
        self._metrics.count(QUARANTINES, 1, self._name)
