"""What the supervisor remembers of one host: whether it answers, moves, and what it dies of."""

from collections.abc import Mapping
from typing import Final

import msgspec

from whispr_daemon.domain.position import Position
from whispr_daemon.domain.unit import HostReport, HostSpec
from whispr_daemon.domain.value import Value

FIRST_PAUSE: Final = 0.5  # seconds between two starts of a host that dies for the first time
_STEADY: Final = 60.0  # seconds up after which a host's death is no longer one of a row
_LONGEST_PAUSE: Final = 30.0  # between two starts of a host that keeps dying
_STARTING: Final = ("starting", "recovering")
_ENDED: Final = ("quarantined", "stopped")


class Patience(Value, frozen=True, kw_only=True):
    """How much of a host is borne."""

    stall_seconds: float = 15.0  # without progress, after which it is killed and started
    deaths: int = 5  # with a unit at the same place, after which that is quarantined …
    within_seconds: float = 600.0  # … if they are not spread over more than this


class Deaths:
    """Finds the units that a host dies of: they stand where they stood at its deaths before.

    A unit that went on between two deaths cannot be what the host dies of.
    """

    def __init__(self, patience: Patience) -> None:
        """Nothing has died yet."""
        self._patience = patience
        self._stood: dict[str, tuple[Position | None, list[float]]] = {}

    def add(
        self, now: float, stands: Mapping[str, Position | None], culprit: str = ""
    ) -> Mapping[str, int]:
        """Take a death in; return the units it was one too many for, with how many they were.

        ``stands`` are the units that had more to read, with how far they are durable (None: not
        claimed yet). Where the ``culprit`` is one of them, that says nothing of the others.
        """
        oldest = now - self._patience.within_seconds
        known = culprit in stands
        stood = dict(self._stood) if known else {}
        for unit, position in stands.items():
            if known and unit != culprit:
                continue
            before, times = self._stood.get(unit, (position, []))
            recent = [time for time in times if before == position and time >= oldest]
            stood[unit] = (position, [*recent, now])
        self._stood = stood
        counts = {unit: len(stood[unit][1]) for unit in ([culprit] if known else stands)}
        return {unit: many for unit, many in counts.items() if many >= self._patience.deaths}


class Watch:
    """One host."""

    def __init__(self, spec: HostSpec, now: float, patience: Patience) -> None:
        """``now`` and all other times are of the monotonic clock, in seconds."""
        self.spec = spec
        self.report: HostReport | None = None
        self.up = False
        self.restarts = 0
        self.deaths = Deaths(patience)
        self.given_up = ""  # why it is left down
        self.held_by = ""  # the unit it was killed for, where that is known
        self.next_start = now
        self.moved_at = now  # when every unit had last made a turn
        self._pause = FIRST_PAUSE
        self._up_since: float | None = None
        self._begun = False  # this run, or one that nobody wanted to end
        self._ended = False  # the run that gave the last answer
        self._mourned = False  # and its death was looked into
        self._turns: dict[str, tuple[int, float]] = {}  # unit: turns, since when

    def learn(self, report: HostReport, now: float) -> bool:
        """Take an answer in; return whether the host is not the run it was before."""
        last = self.report
        if report.metrics is None:
            told = last.metrics if last is not None else ()
            report = msgspec.structs.replace(report, metrics=told)
        anew = self._ended or (last is not None and last.pid != report.pid)
        if anew:
            self._turns.clear()
            self._up_since = None
        self._begun, self._ended = True, False
        for unit in report.units:
            before, since = self._turns.get(unit.unit_id, (-1, now))
            moved = unit.turns != before or unit.state in _ENDED
            self._turns[unit.unit_id] = (unit.turns, now if moved else since)
        self.report, self.up = report, True
        self._up_since = now if self._up_since is None else self._up_since
        if now - self._up_since >= _STEADY:
            self._pause = FIRST_PAUSE
        self.moved_at = min((since for _, since in self._turns.values()), default=now)
        return anew

    def begin_anew(self, now: float, held_by: str = "") -> None:
        """Give a host that was killed the full time again; ``held_by`` is the unit that had it."""
        self.held_by = held_by
        self.miss()
        self._turns.clear()
        self._ended = self.report is not None
        self.moved_at = self.next_start = now

    def end(self, now: float) -> None:
        """Take in that it was ended in order: its next run is no death's."""
        self.miss()
        self._turns.clear()
        self.report = None
        self._begun = self._ended = self._mourned = False
        self.moved_at = self.next_start = now

    def try_start(self, now: float) -> None:
        """Take in that it is to be started; the next time is later each time."""
        self.next_start = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def begin(self, now: float) -> bool:
        """Take in that it was started, for it did not run; return whether it had died."""
        died, self.moved_at = self._begun, now
        self._begun, self._ended = True, self.report is not None
        return died

    def mourn(self, *, back: bool) -> bool:
        """Return whether its last death has not been looked into; ``back``: it is over, anyway."""
        known, self._mourned = self._mourned, not back
        return not (back and known)

    def miss(self) -> None:
        """Take in that there was no answer."""
        self.up, self._up_since = False, None

    @property
    def answered(self) -> bool:
        """Whether it has answered since it was last started or killed."""
        return self.report is not None and not self._ended

    @property
    def settled(self) -> bool:
        """Whether it has been seen at work, or is not to be."""
        report = self.report
        at_work = report is not None and all(unit.state not in _STARTING for unit in report.units)
        return at_work or bool(self.given_up)
