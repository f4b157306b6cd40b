"""How many events a second a whole daemon keeps up with, all durable, and where its time goes.

A process sends a market of 200 symbols; the daemon takes it into its log (synced to disk), hosts
fold two rules over it, compiled: the golden gate and a ribbon of averages; what they say is
committed and delivered. It keeps up if, after some seconds at a rate, what is due and not durable
yet is no more than half a second's events.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Final, NamedTuple

from tests.benchmarks.bare import Shape, bare_log
from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.sender import Order
from tests.benchmarks.subject import Setup, Subject, running
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

RULES: Final = {
    "gate": """
name: golden_gate
logic:
  - {if: "cross_up(price, atr.38)", once: session, then: ["emit:GG_long"]}
  - {if: "cross_down(price, atr.-38)", once: session, then: ["emit:GG_short"]}
""",
    "ribbon": """
name: ribbon
logic:
  - {if: "EMA3 >= EMA8", then: ["emit:up"]}
  - {if: "EMA3 < EMA8", then: ["emit:down"]}
""",
}
_FIRST: Final = 50_000  # events a second
_WARM_RATE, _WARM_SECONDS, _WARM_LEGS = 200_000.0, 2.0, 30
_COMPILER: Final = "build"  # the process that compiles
_IDLE: Final = 0.05  # of a core
_COMMIT_EVERY: Final = 0.2  # seconds, of units that have nothing to say: what they lag is seen so
_LAG: Final = 0.5  # seconds' events
_FINER: Final = 3  # halvings of the step after the first rate that is too high
_WANTED: Final = 1_000_000.0  # events a second …
_OF_FLOOR: Final = 0.5  # … or this part of what bare clients do


class Leg(NamedTuple):
    """Some seconds at a rate."""

    rate: float  # asked for
    events: int  # that were sent
    durable: float  # events a second that became so from its beginning to its end
    lag: int  # events due and not durable at its end
    cpu: Mapping[str, float]  # seconds by process

    @property
    def kept_up(self) -> bool:
        """Whether it would go on so."""
        return self.lag <= _LAG * self.rate


def live(tier: int, scale: Scale) -> Sequence[Figure]:
    """Search the highest rate; return it, what a bare log does, and CPU by process."""
    seconds = min(5.0, max(0.3, scale.rows / 1e6))
    rules = scale.folder / "rules"
    rules.mkdir()
    for name, text in RULES.items():
        (rules / f"{name}.yaml").write_text(text)
    settings = {
        "rules": {"dir": str(rules), "jit": "always", "watch": False},
        "idle_commit_seconds": _COMMIT_EVERY,
    }
    with running(Setup(tier, settings), scale.folder / "daemon") as subject:
        if seconds >= 1:
            _warm(subject, scale.say)
        found = search(partial(_leg, subject, seconds, scale.say), seconds)
        before = subject.watcher.figures()
        again = [_leg(subject, seconds, scale.say, found) for _ in range(scale.repetitions)]
        shape = _shape(subject.watcher.figures() - before)
    floor = bare_log(tier, shape, scale.folder / "floor", seconds)
    scale.say(f"a bare log: {floor.rate:,.0f} events/s of {shape.rows} rows an append")
    bare = Figure("CPU of a bare log, with its server", floor.cpu, "µs/event")
    return [*_rates(again, floor.rate), *_cpu(again), bare]


def search(leg: Callable[[float], Leg], seconds: float) -> float:
    """Return the highest rate that is kept up: doubled until it is not, then halving the step."""
    good, rate = 0.0, float(_FIRST)
    while (tried := leg(rate)).kept_up:
        good, rate = rate, 2 * rate
        if seconds < 1:
            return good  # a short form judges nothing
    step = rate - good
    for _ in range(_FINER):
        step /= 2
        tried = leg(good + step)
        good = tried.rate if tried.kept_up else good
    return good


def _warm(subject: Subject, say: Callable[[str], None]) -> None:
    """Send some until kernels are compiled: that takes a core for a while after a start."""
    for _ in range(_WARM_LEGS):
        leg = _leg(subject, _WARM_SECONDS, say, _WARM_RATE)
        if leg.cpu.get(_COMPILER, 0.0) < _IDLE * _WARM_SECONDS and leg.kept_up:
            return


def _leg(subject: Subject, seconds: float, say: Callable[[str], None], rate: float) -> Leg:
    before, cpu, began = subject.durable(), subject.watcher.cpu(), SYSTEM_CLOCK.monotonic()
    sent = subject.send(Order(rate=rate, seconds=seconds, share=0))
    reached = subject.durable()
    durable = (reached - before) / (SYSTEM_CLOCK.monotonic() - began)
    lag = sent.due - reached
    subject.caught_up(sent.sent)
    after = subject.watcher.cpu()
    used = {name: after[name] - cpu.get(name, 0.0) for name in after}
    leg = Leg(rate, sent.sent - before, durable, lag, used)
    say(
        f"{rate:,.0f} events/s asked, {durable:,.0f} durable, "
        f"lag {lag:,} events: {'kept up' if leg.kept_up else 'too much'}"
    )
    return leg


def _shape(grown: Mapping[str, float]) -> Shape:
    """Return what appends were like in the mean, of what the daemon's figures grew by meanwhile."""
    appends = grown.get("whispr_append_seconds_count", 1.0)
    rows = grown.get("whispr_ingested_rows_total", 1.0) / appends
    return Shape(rows=max(1, round(rows)), partitions=4)


def _rates(legs: Sequence[Leg], floor: float) -> list[Figure]:
    """Return what became durable in a second of the legs at the highest rate, and the floor."""
    each = tuple(leg.durable for leg in legs)
    found = median(each)
    bare = Figure("bare log, write and read", floor, "events/s")
    ours = Figure("sustained", found, "events/s", bare.what, found / floor, each=each)
    if found >= _WANTED:
        return [Figure("sustained", found, "events/s", bound=_WANTED, each=each), ours, bare]
    return [ours._replace(bound=_OF_FLOOR), bare]


def _cpu(legs: Sequence[Leg]) -> list[Figure]:
    """Return microseconds of CPU an event takes, by process."""
    names = sorted({name for leg in legs for name in leg.cpu})
    found = []
    for name in names:
        each = tuple(1e6 * leg.cpu.get(name, 0.0) / leg.events for leg in legs)
        found.append(Figure(f"CPU of {name}", median(each), "µs/event", each=each))
    return [one for one in found if one.value >= 0.005]


CASES: Final = tuple(
    Case(f"live.tier{tier}", f"events a second, sustained, on tier {tier}", partial(live, tier))
    for tier in (0, 1)
)
