"""A chaos run: rounds of a daemon under faults, each judged by the checker."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from redis.exceptions import RedisError

from tests.chaos.background import Background
from tests.chaos.checker import Findings, judge
from tests.chaos.deck import Deck
from tests.chaos.disk import can_be_had
from tests.chaos.faults import Fault, Place, faults
from tests.chaos.market import Market, recorded
from tests.chaos.network import Network
from tests.chaos.report import Report, Round
from tests.chaos.subject import PATIENCE, Stuck, Subject, pause
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.domain.errors import WhisprError

_ROUND: Final = 150.0  # seconds that a round takes, about
_INPUT: Final = 0.4  # the part of a round in which input comes; the rest the daemon is away
_GAP: Final = (0.2, 2.0)  # seconds between two faults
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

    Each round is of a new daemon; on tier 1 there are rounds with servers of its own, which are
    killed and frozen, and rounds with the harness's, which are reached over a network that fails.

    Raises:
        RuntimeError: the undisturbed run, with which all is compared, failed.
    """
    began = SYSTEM_CLOCK.monotonic()
    random = Random(plan.seed)
    kinds = faults(plan.tier, plan.targets)
    dealt = [each for each in kinds if not each.small_disk or can_be_had()]
    if len(dealt) < len(kinds):
        note("no disk is filled: that takes a user who may mount one, e.g. root")
    deck = Deck(dealt, random)
    rounds: list[Round] = []
    with Background("chaos") as loop, tempfile.TemporaryDirectory(prefix="whispr-chaos-") as folder:
        tell("recording a market and replaying it undisturbed")
        planned = max(len(deck.places()), round(plan.seconds / _ROUND))
        market = recorded(Path(folder), plan.seconds / planned * _INPUT, plan.seed)
        note(f"undisturbed, {len(market.said)} outputs are said, {market.sendable} of them sent")
        left = plan.seconds
        while not rounds or (not rounds[-1].stuck and left > plan.seconds / planned / 2):
            place = deck.neediest()
            share = left / max(planned - len(rounds), 1)
            with _subject(plan, market, loop, place) as subject:
                course = _Course(subject, lambda place=place: deck.deal(place), random, share)
                said = f"round {len(rounds) + 1}"
                rounds.append(course.run(lambda how, said=said: tell(f"{said} · {how}"), note))
                left -= course.seconds
    return Report(
        command=plan.command,
        seed=plan.seed,
        tier=plan.tier,
        mutant=plan.mutant,
        seconds=SYSTEM_CLOCK.monotonic() - began,
        rounds=rounds,
        kinds=tuple(each.kind for each in kinds),
    )


@contextmanager
def _subject(plan: Plan, market: Market, loop: Background, place: Place) -> Iterator[Subject]:
    with ExitStack() as stack:
        network = stack.enter_context(Network(loop)) if place == "proxied" else None
        fills = plan.tier == 1 and network is None and "disk" in plan.targets and can_be_had()
        subject = Subject(plan.tier, market, loop, network, plan.mutant, small_disk=fills)
        stack.callback(subject.discard)
        yield subject


class _Course:
    """One round."""

    def __init__(
        self, subject: Subject, deal: Callable[[], Fault], random: Random, budget: float
    ) -> None:
        """Faults are dealt for ``budget`` seconds at most, from the moment it is up."""
        self._subject = subject
        self._deal = deal
        self._random = random
        self._budget = budget
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
            began = SYSTEM_CLOCK.monotonic()
            self._subject.start()
            note(f"up after {self._subject.until_well(began):.1f} s")
            self._up_at = SYSTEM_CLOCK.monotonic()
            self._hurt_until_all_is_said(tell, note)
        except Stuck as error:
            stuck = str(error)
        tell("judging")
        try:
            findings = self._judge(stop=not stuck)
        except (Stuck, WhisprError, RedisError) as error:
            stuck = stuck or f"cannot be judged: {error}"
        return Round(tuple(self._faults), findings, self._subject.zombies, stuck)

    def _hurt_until_all_is_said(self, tell: Tell, note: Tell) -> None:
        subject, sendable = self._subject, self._subject.market.sendable
        before, since = -1, SYSTEM_CLOCK.monotonic()
        next_fault = since + self._random.uniform(*_GAP)
        while True:
            subject.status()  # says so if the daemon has ended
            standing, arrived = subject.gauge.look(), subject.places.arrived()
            now = SYSTEM_CLOCK.monotonic()
            tell(f"{arrived} of {sendable} delivered · {len(self._faults)} faults{self._last()}")
            over = standing is not None and subject.said_all(standing)
            if over and arrived >= sendable:
                return
            said = standing.outputs if standing is not None else 0
            if arrived + said > before:
                before, since = arrived + said, now
            if now - since > PATIENCE:
                raise Stuck(
                    f"nothing new for {PATIENCE:g} s: {said} of {len(subject.market.said)} "
                    f"outputs are durable, {arrived} arrived"
                )
            if not over and self.seconds < self._budget and now >= next_fault:
                self._hurt(tell, note)
                next_fault = SYSTEM_CLOCK.monotonic() + self._random.uniform(*_GAP)
            else:
                pause(_LOOK_EVERY)

    def _hurt(self, tell: Tell, note: Tell) -> None:
        fault = self._deal()
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
        stored = subject.loop.do(subject.places.stored())
        if stop and subject.tier == 1 and subject.network is None:
            delivered = subject.places.delivered()  # its servers end with it
            subject.stop()
        else:
            if stop:
                subject.stop()
            delivered = subject.places.delivered()
        return judge(subject.market.said, stored, delivered)
