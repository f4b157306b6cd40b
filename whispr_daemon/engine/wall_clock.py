"""Watches the wall clock: nothing is decided by it, but what it shows is written down and told."""

from typing import Final

import structlog

from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.metrics import CLOCK_JUMP_SECONDS, CLOCK_JUMPS, Metrics

_JUMP: Final = 1.0  # seconds between two looks that are no drift any more
_LOOK_WITHIN: Final = 0.1  # seconds; one that took longer compares two different moments
_TOLD_FOR: Final = 3600.0  # seconds after the last jump: by then it is the time there is
_NANOS: Final = 1_000_000_000

_journal = structlog.get_logger("whispr.clock")


class WallClock:
    """Compares the wall clock with the monotonic one, and with the newest entry of the log.

    A clock that was wrong from the start, and is ahead, cannot be told from a right one.
    """

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        """What it shows now is taken for the time."""
        self._clock, self._metrics = clock, metrics
        self._now, self._monotonic = clock.now(), clock.monotonic()
        self._jumped = 0.0  # seconds, in sum
        self._jumped_at = 0.0  # of the monotonic clock
        self._newest = 0  # ns UTC, when the log's newest entry was written

    def look(self) -> None:
        """Find out whether it has jumped since the last look; say so if it has."""
        before, now, monotonic = (
            self._clock.monotonic(),
            self._clock.now(),
            self._clock.monotonic(),
        )
        if monotonic - before > _LOOK_WITHIN:
            return
        jump = (now - self._now) / _NANOS - (monotonic - self._monotonic)
        self._now, self._monotonic = now, monotonic
        if abs(jump) < _JUMP:
            return
        self._jumped, self._jumped_at = self._jumped + jump, monotonic
        self._metrics.count(CLOCK_JUMPS)
        self._metrics.gauge(CLOCK_JUMP_SECONDS, self._jumped)
        _journal.warning("wall clock jumped", seconds=round(jump, 3))

    def compare(self, newest: int) -> None:
        """Take in when the log's newest entry was written, ns UTC, as this daemon begins."""
        self._newest = newest
        if self._behind() >= _JUMP:
            _journal.warning("wall clock is behind the log", seconds=round(self._behind(), 3))

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong with it, as far as can be known; empty once it is right again."""
        found = []
        passed = self._clock.monotonic() - self._jumped_at
        if abs(self._jumped) >= _JUMP and passed < _TOLD_FOR:
            found.append(
                f"the wall clock jumped by {self._jumped:+.0f} s, {passed:.0f} s ago: it was set, "
                "or the machine slept"
            )
        if self._behind() >= _JUMP:
            found.append(
                f"the wall clock is {self._behind():.0f} s behind the newest entry of the log: it "
                "is slow, or was fast before"
            )
        return tuple(found)

    def _behind(self) -> float:
        return (self._newest - self._clock.now()) / _NANOS
