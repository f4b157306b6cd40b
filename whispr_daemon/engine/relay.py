"""Delivers what is committed: one relay a route, in order per unit, each output once."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import structlog

from whispr_daemon.domain.errors import Transient
from whispr_daemon.domain.outputs import Audit
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.retry import Backoff, Result, persist
from whispr_daemon.engine.waking import Waking
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.metrics import DELIVERED, DELIVERY_FAILURES, UNDELIVERED, Metrics
from whispr_daemon.ports.outlet import Outlet
from whispr_daemon.ports.store import Store, StoredOutput

_MOST: Final = 500  # outputs a send
_SHOW_EVERY: Final = 1.0  # seconds between two figures of what is not delivered
_POLL: Final = 0.25  # seconds; the net under the nudges
_MOVE_WITHIN: Final = 0.05  # seconds until the route's cursors follow what was delivered


class Relay:
    """Reads committed outputs, sends them to one outlet, moves the route's cursors.

    Cursors follow a little later, those of many sends at once: nobody who has something new to say
    waits for them. What a crash leaves between the two is what the outlet is asked for.
    """

    def __init__(
        self, route: str, outlet: Outlet, store: Store, clock: Clock, metrics: Metrics
    ) -> None:
        """``route`` names the place in the store; two relays on it fence each other."""
        self.route = route
        self._outlet = outlet
        self._store = store
        self._clock, self._metrics = clock, metrics
        self._cursors: dict[str, int] = {}
        self._moved: dict[str, int] = {}  # those that the store does not have so far
        self._move_at = 0.0  # when it is to have them, monotonic seconds
        self._receipt = ""
        self._epoch = 0
        self._delivered: Collection[str] = ()
        self._nudged = Waking(clock)
        self._draining = False
        self._show_at = 0.0
        self._journal = structlog.get_logger("whispr.relay").bind(route=route)

    def nudge(self) -> None:
        """Say that there are new outputs."""
        self._nudged.set()

    def drain(self) -> None:
        """Ask to end as soon as everything committed is delivered."""
        self._draining = True
        self._nudged.set()

    async def run(self) -> None:
        """Deliver until drained.

        Raises:
            Fenced: a newer relay has the route.
        """
        try:
            await self._run()
        except Transient as error:  # only while draining; the rest is delivered after a restart
            self._journal.error("ended with outputs undelivered", error=str(error))

    async def _persist(self, doing: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        return await persist(self._clock, doing, attempt, give_up=lambda: self._draining)

    async def _run(self) -> None:
        route = await self._persist("claim route", lambda: self._store.claim_route(self.route))
        crash_here("route_claimed")
        self._epoch, self._receipt = route.epoch, route.receipt
        self._cursors = dict(route.cursors)
        await self._open()
        while True:
            waiting = await self._persist(
                "outputs", lambda: self._store.outputs(self._cursors, _MOST)
            )
            if waiting:
                await self._deliver(waiting)
            if self._draining:
                if not waiting:
                    await self._move()
                    return
            elif len(waiting) < _MOST:  # there were no more; of later ones a nudge tells
                await self._wait()
            if self._moved and self._clock.monotonic() >= self._move_at:
                await self._move()
            await self._show_backlog()

    async def _open(self) -> None:
        self._delivered = await self._persist(
            "open", lambda: self._outlet.open(self._epoch, self._receipt)
        )

    async def _deliver(self, outputs: Sequence[StoredOutput]) -> None:
        backoff = Backoff(self._clock)
        while True:
            missing = [
                each
                for each in outputs
                if each.output.id not in self._delivered and not isinstance(each.output, Audit)
            ]
            try:
                if missing:
                    crash_here("before_send")
                    self._receipt = await self._outlet.send(missing)
                    crash_here("after_send")
                break
            except Transient as error:
                self._metrics.count(DELIVERY_FAILURES, 1, self.route)
                await self._move()  # nobody knows how long this one takes
                if self._draining:
                    raise
                self._journal.warning("delivery failed, trying again", error=str(error))
                await backoff.wait()
                await self._show_backlog()
                await self._open()  # tells what had arrived after all
        if not self._moved:
            self._move_at = self._clock.monotonic() + _MOVE_WITHIN
        for each in outputs:
            self._cursors[each.unit_id] = self._moved[each.unit_id] = each.out_seq
        self._metrics.count(DELIVERED, len(missing), self.route)

    async def _move(self) -> None:
        """Let the store have the cursors that have moved, and the receipt."""
        moved, self._moved = self._moved, {}
        if moved:
            await self._persist(
                "advance route",
                lambda: self._store.advance_route(self.route, self._epoch, moved, self._receipt),
            )
            crash_here("cursors_moved")

    async def _show_backlog(self) -> None:
        """Show, once a second, how many outputs the route has not passed; nobody waits for it."""
        now = self._clock.monotonic()
        if now < self._show_at or self._draining:
            return
        self._show_at = now + _SHOW_EVERY
        try:
            marks = await self._store.marks()
        except Transient:
            return  # whoever watches the store tells of it
        waiting = sum(
            max(0, mark.out_seq - self._cursors.get(unit, 0)) for unit, mark in marks.items()
        )
        self._metrics.gauge(UNDELIVERED, waiting, self.route)

    async def _wait(self) -> None:
        """Wait for a nudge, at most until the next poll, or until cursors are to be moved."""
        rest = max(0.0, self._move_at - self._clock.monotonic()) if self._moved else _POLL
        await self._nudged.wait(rest)
