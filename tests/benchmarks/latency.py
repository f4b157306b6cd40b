"""How long it takes from a tick to what is said of it, committed and delivered.

A process sends ticks when they are due, whether those before were answered or not; each tick's time
is when it was due, and a strategy answers every so-manieth. What counts is when a consumer of the
outlet has it: who reads the stream of signals on tier 1, an outlet in the process on tier 0. The
floor is the same done by bare clients at the same rate in the same run (``bare_answers.py``).
Parts are what stamps along the daemon's path say, at the median (``trace.py``).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from tests.benchmarks.bare_answers import files, servers
from tests.benchmarks.consumer import Consumer
from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.sender import Order
from tests.benchmarks.subject import Setup, Subject, running
from tests.benchmarks.trace import parts_in
from tests.benchmarks.wire import stamps_in
from tests.chaos.subject import short_folder
from tests.integration.daemons import until
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

_RATES: Final = {1: 1, 1_000: 10, 20_000: 100}  # events a second: every so-manieth is answered
_JUDGED: Final = 1_000
_BOUNDS: Final = {0.5: 0.5, 0.99: 0.25}  # of the floor's: at most twice, and four times, as long
_NAMES: Final = {0.5: "p50", 0.99: "p99", 0.999: "p99.9"}
_SEEN_WITHIN: Final = 30.0  # seconds

Taken = Sequence[float]  # seconds, of each answer


class Ways(NamedTuple):
    """Two who answer ticks."""

    ours: Callable[[Order], Taken]
    floor: Callable[[Order], Taken]
    trace: Path  # of ours


def latency(tier: int, scale: Scale) -> Sequence[Figure]:
    """Return, for each rate, what it takes at the median and far out, and the floor's."""
    seconds = min(20.0, max(0.5, scale.rows / 250_000))
    stamps = None if tier else scale.folder / "stamps"
    trace = scale.folder / "trace"
    settings = {
        "rules": {"dir": None},
        "strategies": [{"plugin": "echo"}],
    }
    found: list[Figure] = []
    with (
        running(Setup(tier, settings, stamps, trace), scale.folder / "daemon") as subject,
        _floor(subject, scale.folder) as floor,
    ):
        ours = partial(_by_stamps, subject, stamps) if stamps else partial(_by_stream, subject)
        ways = Ways(ours, floor, trace)
        for way in (ours, floor):
            way(Order(rate=100.0, seconds=1.0, share=1))  # the first of all is no measure
        for rate, share in _RATES.items():
            order = Order(rate=float(rate), seconds=seconds, share=share)
            found += _figures(ways, order, scale)
    return found


@contextmanager
def _floor(subject: Subject, folder: Path) -> Iterator[Callable[[Order], Taken]]:
    near = short_folder()  # a socket's path is short
    try:
        with (
            servers(subject.places, near / "floor")
            if subject.tier
            else files(folder, near / "floor")
        ) as floor:
            yield floor
    finally:
        near.rmdir()


def _figures(ways: Ways, order: Order, scale: Scale) -> list[Figure]:
    parts = Order(order.rate, order.seconds / scale.repetitions, order.share)
    ours: list[Taken] = []
    floor: list[Taken] = []
    began = SYSTEM_CLOCK.now()
    for turn in range(1, scale.repetitions + 1):
        scale.say(f"{order.rate:,.0f} ticks/s, {turn} of {scale.repetitions}")
        ours.append(ways.ours(parts))
        floor.append(ways.floor(parts))
    found = []
    for at, name in _NAMES.items():
        what = f"{order.rate:,.0f} ticks/s, {name}"
        bare = Figure(f"floor at {what}", 1e3 * _quantile(floor, at), "ms")
        value = 1e3 * _quantile(ours, at)
        ratio = bare.value / value
        bound = _BOUNDS.get(at) if order.rate == _JUDGED else None
        found += [Figure(what, value, "ms", bare.what, ratio, bound), bare]
    for name, taken in parts_in(ways.trace, began).items():
        found.append(Figure(f"{order.rate:,.0f} ticks/s, part: {name}", 1e3 * taken, "ms"))
    return found


def _quantile(taken: Sequence[Taken], at: float) -> float:
    return float(np.quantile(np.concatenate([np.asarray(each) for each in taken]), at))


def _by_stamps(subject: Subject, stamps: Path, order: Order) -> Taken:
    before = len(stamps_in(stamps))
    answered = subject.send(order).answered
    until(lambda: len(stamps_in(stamps)) >= before + answered, within=_SEEN_WITHIN)
    return stamps_in(stamps)[before:]


def _by_stream(subject: Subject, order: Order) -> Taken:
    with Consumer(subject.places.server("redis"), "whispr:SIGNALS") as consumer:
        answered = subject.send(order).answered
        until(lambda: len(consumer.taken) >= answered, within=_SEEN_WITHIN)
        return list(consumer.taken)


CASES: Final = tuple(
    Case(f"latency.tier{tier}", f"from tick to delivered signal, on tier {tier}", run)
    for tier, run in ((tier, partial(latency, tier)) for tier in (0, 1))
)
