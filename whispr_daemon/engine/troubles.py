"""Sees which calls of a port fail, since when, and when they work again; all of them say so."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any, Final, NamedTuple, TypeVar, cast

import structlog

from whispr_daemon.domain.errors import Transient, WhisprError
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.metrics import PORT_FAILURES, PORT_UP, Metrics

# Most calls are tried again every 2 s at the latest. One that nobody tries again is over.
_FORGOTTEN_AFTER: Final = 30.0  # seconds without another failure

_journal = structlog.get_logger("whispr.ports")

Port = TypeVar("Port")


class _Failing(NamedTuple):
    """A call that failed when it was last made."""

    since: float  # seconds of the monotonic clock
    last: float
    reason: str


class Troubles:
    """What fails in this process, by port and call."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        """Nothing has failed yet."""
        self._clock, self._metrics = clock, metrics
        self._failing: dict[tuple[str, str], _Failing] = {}

    def told(self) -> tuple[Trouble, ...]:
        """Return what fails, by port and call."""
        now = self._clock.monotonic()
        for (port, doing), failing in list(self._failing.items()):
            if now - failing.last > _FORGOTTEN_AFTER:
                self._over(port, doing)
        return tuple(
            Trouble(port=port, doing=doing, reason=found.reason, seconds=now - found.since)
            for (port, doing), found in sorted(self._failing.items())
        )

    def watch(self, port: str, watched: Port) -> Port:
        """Return a port that does the same and whose failures are seen, under this name."""
        self._metrics.gauge(PORT_UP, 1.0, port)
        return cast(Port, _Watched(port, watched, self))

    def failed(self, port: str, doing: str, reason: str) -> None:
        """Take in that a call has failed for a passing reason."""
        now = self._clock.monotonic()
        known = self._failing.get((port, doing))
        self._failing[port, doing] = _Failing(known.since if known else now, now, reason)
        self._metrics.count(PORT_FAILURES, 1, port, doing)
        self._metrics.gauge(PORT_UP, 0.0, port)

    def worked(self, port: str, doing: str) -> None:
        """Take in that a call has done its work."""
        if self._failing and (found := self._failing.get((port, doing))) is not None:
            self._over(port, doing)
            seconds = round(self._clock.monotonic() - found.since, 3)
            _journal.info("works again", port=port, doing=doing, seconds=seconds)

    def _over(self, port: str, doing: str) -> None:
        del self._failing[port, doing]
        if not any(other == port for other, _ in self._failing):
            self._metrics.gauge(PORT_UP, 1.0, port)


class _Watched:
    """A port whose calls are passed on."""

    def __init__(self, name: str, port: object, troubles: Troubles) -> None:
        self._name, self._port, self._troubles = name, port, troubles

    def __getattr__(self, doing: str) -> Any:
        found = getattr(self._port, doing)
        if not iscoroutinefunction(found):
            return found
        call = self._passed_on(doing, found)
        setattr(self, doing, call)  # from now on it is found without this
        return call

    def _passed_on(
        self, doing: str, found: Callable[..., Awaitable[object]]
    ) -> Callable[..., Awaitable[object]]:
        async def call(*arguments: object, **named: object) -> object:
            try:
                answer = await found(*arguments, **named)
            except Transient as error:
                self._troubles.failed(self._name, doing, str(error))
                raise
            except WhisprError:
                self._troubles.worked(self._name, doing)  # it has answered
                raise
            self._troubles.worked(self._name, doing)
            return answer

        return call
