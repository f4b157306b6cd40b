"""A chaos run: rounds of a daemon under faults, each judged by the checker."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from redis.exceptions import RedisError

from tests.chaos.checker import Findings, judge
from tests.chaos.faults import Fault, faults
from tests.chaos.market import Market, recorded
from tests.chaos.network import Network
from tests.chaos.report import Report, Round
from tests.chaos.subject import PATIENCE, Stuck, Subject, pause, short_folder
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.domain.errors import WhisprError

_ROUND: Final = 150.0  # seconds that a round takes at most, about
_INPUT: Final = {0: 0.6, 1: 0.4}  # by tier: the part of a round in which input comes; rest: away
_GAP: Final = (0.2, 2.5)  # seconds between two faults
_STRAY: Final = 0.5  # seconds in which what is sent twice would still arrive
_LOOK_EVERY: Final = 0.2

Tell = Callable[[str], None]  # told in a line how it goes


class Plan(NamedTuple):
    """What to do."""

    tier: int
    seconds: float
    seed: int
    targets: Sequence[str]
    mutant: str = ""
    command: str = ""  # that repeats it


def run(plan: Plan, tell: Tell, note: Tell) -> Report:
    """Run rounds until the time is over; ``tell`` the state, ``note`` each fault.

    Raises:
        RuntimeError: the undisturbed run, with which all is compared, failed.
    """
    began = SYSTEM_CLOCK.monotonic()
    random = Random(plan.seed)
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="whispr-chaos-") as folder:
        tell("recording a market and replaying it undisturbed")
        length = min(plan.seconds, _ROUND) * _INPUT[plan.tier]
        market = recorded(Path(folder), length, plan.seed)
        note(f"undisturbed, {len(market.said)} outputs are said, {market.sendable} of them sent")
        left = plan.seconds
        while not rounds or (rounds[-1].stuck == "" and left > length / 2):
            number = len(rounds) + 1
            with _subject(plan, market, number) as (subject, kinds):
                course = _Course(subject, kinds, random, left)
                said = f"round {number}"
                rounds.append(course.run(lambda how, said=said: tell(f"{said} · {how}"), note))
                left -= course.seconds
    seconds = SYSTEM_CLOCK.monotonic() - began
    return Report(plan.command, plan.seed, plan.tier, plan.mutant, seconds, rounds)


@contextmanager
def _subject(plan: Plan, market: Market, number: int) -> Iterator[tuple[Subject, list[Fault]]]:
    """Yield a daemon and what may be done to it; on tier 1 every other round hurts the network."""
    by_network = "network" in plan.targets and plan.tier == 1
    alone = set(plan.targets) == {"network"}
    with ExitStack() as stack:
        folder, network = short_folder(), None
        if by_network and (alone or number % 2 == 0):
            network = stack.enter_context(Network(folder / "servers"))
        servers = network.servers if network else None
        subject = Subject(plan.tier, market, folder, servers, plan.mutant)
        stack.callback(subject.discard)
        yield subject, faults(plan.tier, plan.targets, network)


class _Course:
    """One round."""

    def __init__(
        self, subject: Subject, kinds: Sequence[Fault], random: Random, left: float
    ) -> None:
        """Faults come for ``left`` seconds at most, from the moment it is up."""
        self._subject = subject
        self._kinds = kinds
        self._random = random
        self._left = left
        self._up_at: float | None = None
        self._faults: list[tuple[str, float]] = []

    @property
    def seconds(self) -> float:
        """How long it has been since the daemon was up for the first time."""
        return 0.0 if self._up_at is None else SYSTEM_CLOCK.monotonic() - self._up_at

    def run(self, tell: Tell, note: Tell) -> Round:
        """Hurt the daemon until all is said, then judge."""
        stuck, findings = "", None
        try:
            tell("starting")
            self._subject.start()
            note(f"up after {self._subject.until_well():.1f} s")
            self._up_at = SYSTEM_CLOCK.monotonic()
            self._hurt_until_all_is_said(tell, note)
        except Stuck as error:
            stuck = str(error)
        tell("judging")
        try:
            findings = self._judge(stop=not stuck)
        except (Stuck, WhisprError, RedisError) as error:
            stuck = stuck or f"cannot be judged: {error}"
        return Round(tuple(self._faults), findings, stuck)

    def _hurt_until_all_is_said(self, tell: Tell, note: Tell) -> None:
        before, since = -1, SYSTEM_CLOCK.monotonic()
        next_fault = since + self._random.uniform(*_GAP)
        while True:
            status, now = self._subject.status(), SYSTEM_CLOCK.monotonic()
            arrived, said = self._subject.arrived(), self._subject.outputs(status)
            tell(
                f"{arrived} of {self._subject.market.sendable} delivered · "
                f"{len(self._faults)} faults{self._last()}"
            )
            if self._subject.has_said_all(status) and arrived >= self._subject.market.sendable:
                return
            if arrived + said != before:
                before, since = arrived + said, now
            if now - since > PATIENCE:
                raise Stuck(
                    f"nothing new for {PATIENCE:g} s: {said} of {len(self._subject.market.said)} "
                    f"outputs are durable, {arrived} arrived"
                )
            if self.seconds >= self._left or self._subject.has_said_all(status):
                pause(_LOOK_EVERY)
            elif now >= next_fault:
                self._hurt(tell, note)
                next_fault = SYSTEM_CLOCK.monotonic() + self._random.uniform(*_GAP)
            else:
                pause(_LOOK_EVERY)

    def _hurt(self, tell: Tell, note: Tell) -> None:
        fault = self._random.choice(self._kinds)
        tell(f"{fault.kind} …")
        try:
            seconds = fault.hurt(self._subject, self._random)
        except Stuck as error:
            raise Stuck(f"{fault.kind}: {error}") from error
        self._faults.append((fault.kind, seconds))
        note(f"{fault.kind}: well again after {seconds:.2f} s")

    def _last(self) -> str:
        if not self._faults:
            return ""
        kind, seconds = self._faults[-1]
        return f", the last: {kind}, well again after {seconds:.2f} s"

    def _judge(self, *, stop: bool) -> Findings:
        subject = self._subject
        pause(_STRAY)
        stored = asyncio.run(subject.stored())
        if stop and subject.tier == 1:
            delivered = subject.delivered()  # its servers end with it
            subject.stop()
        else:
            if stop:
                subject.stop()
            delivered = subject.delivered()
        return judge(subject.market.said, stored, delivered)
