"""What a supervisor knows of the world around its hosts: log, store, clock, other processes."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Final

import structlog

from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.engine.wall_clock import WallClock
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.metrics import Metrics

_ANSWER_WITHIN: Final = 2.0  # seconds
_UNKNOWN: Final = {"hosts": "not asked yet"}

_journal = structlog.get_logger("whispr.supervisor")


class Surroundings:
    """What of it keeps the daemon from its work, and what should be looked at."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        """Nobody has been asked yet."""
        self._clock = clock
        self._away: dict[str, str] = dict(_UNKNOWN)
        self._away_since: dict[str, float] = {}  # seconds of the monotonic clock
        self._troubles: dict[str, tuple[Trouble, ...]] = {}
        self.wall_clock = WallClock(clock, metrics)

    async def ask(self, what: str, question: Awaitable[object]) -> None:
        """See whether somebody answers in 2 s; say so when that changes.

        Raises:
            Fenced: the question did.
        """
        self._away.pop("hosts", None)
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                await question
        except (Transient, TimeoutError) as error:
            self._away[what] = str(error) or f"no answer in {_ANSWER_WITHIN:g} s"
            if what not in self._away_since:
                self._away_since[what] = self._clock.monotonic()
                _journal.warning("does not answer", port=what, error=self._away[what])
            return
        self._away.pop(what, None)
        if (since := self._away_since.pop(what, None)) is not None:
            seconds = round(self._clock.monotonic() - since, 3)
            _journal.info("answers again", port=what, seconds=seconds)

    def learn(self, process: str, troubles: tuple[Trouble, ...]) -> None:
        """Take in what fails in a process."""
        self._troubles[process] = troubles

    def unready(self, hosts: Iterable[tuple[str, tuple[Trouble, ...]]]) -> list[str]:
        """Return what keeps the daemon from its work; ``hosts`` are those that report."""
        now = self._clock.monotonic()
        found = []
        for what, why in self._away.items():
            since = self._away_since.get(what)
            found.append(
                f"{what}: {why}"
                if since is None
                else f"{what}: away for {now - since:.0f} s: {why}"
            )
        for process, troubles in (*self._troubles.items(), *hosts):
            found += [f"{process}: {each.describe()}" for each in troubles]
        return found
