"""Watches what rules are made of: what was edited becomes a change, numbered by the store."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Final, Protocol

import structlog

from whispr_daemon.domain.value import Value
from whispr_daemon.engine.retry import persist
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.metrics import RULE_REFUSALS, Metrics
from whispr_daemon.ports.store import Store

_LOOK_EVERY: Final = 0.3  # seconds; two looks that agree are taken for the end of an edit


class Prepared(Value, frozen=True, kw_only=True):
    """What files that were edited come to."""

    body: bytes | None  # of the change they are; None: none
    refused: tuple[str, ...] = ()  # mistakes not told before: file:line:col: …


class Workshop(Protocol):
    """Where rules are made. Both methods may take their time: they run in a thread."""

    def look(self) -> Hashable:
        """Return something that is another as soon as a file is edited, added or deleted."""
        ...

    def prepare(self, before: bytes) -> Prepared:
        """Load, check and test the files; ``before`` is the body of the newest change."""
        ...


class RuleWatch:
    """Polls: not every file system tells of changes, and none tells when an edit is over."""

    def __init__(
        self,
        workshop: Workshop,
        seen: Hashable,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        changed: Callable[[int], None],
    ) -> None:
        """``seen`` is the look that the newest change was made of; ``changed`` gets new numbers."""
        self._workshop = workshop
        self._done = self._last = seen
        self._store = store
        self._clock, self._metrics = clock, metrics
        self._changed = changed
        self._journal = structlog.get_logger("whispr.rules")

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._clock.sleep(_LOOK_EVERY)
            look = await asyncio.to_thread(self._workshop.look)
            if look == self._last and look != self._done:
                self._done = look
                await self._follow()
            self._last = look

    async def _follow(self) -> None:
        newest = await persist(self._clock, "changes", lambda: self._store.changes(1))
        before = newest[-1].body if newest else b""
        try:
            prepared = await asyncio.to_thread(self._workshop.prepare, before)
        except Exception:  # noqa: BLE001 (an edit must not end what trades; the next is looked at)
            self._metrics.count(RULE_REFUSALS, 1)
            self._journal.exception("rule files could not be prepared, the version before stays")
            return
        for mistake in prepared.refused:
            self._metrics.count(RULE_REFUSALS, 1)
            self._journal.warning("rule file refused, the version before stays", reason=mistake)
        body = prepared.body
        if body is None:
            self._journal.info("rule files touched, nothing changed")
            return
        change = await persist(self._clock, "add change", lambda: self._store.add_change(body))
        self._journal.info("rule files changed", change=change.number)
        self._changed(change.number)
