"""Takes turns: everyone runs once, then everyone again, so that a busy machine is so for all."""

from collections.abc import Callable, Mapping
from resource import RUSAGE_SELF, getrusage
from statistics import median

from tests.benchmarks.figures import Figure, Scale
from whispr_daemon.adapters.clock import SYSTEM_CLOCK


def in_turns(
    about: str, runners: Mapping[str, Callable[[], float]], scale: Scale
) -> dict[str, tuple[float, ...]]:
    """Return what each says, by repetition: seconds, or whatever it measures."""
    taken: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(1, scale.repetitions + 1):
        for name, run in runners.items():
            scale.say(f"{about}, {turn} of {scale.repetitions}: {name}")
            taken[name].append(run())
    return {name: tuple(values) for name, values in taken.items()}


def seconds(run: Callable[[], object]) -> float:
    """Return how long a call takes."""
    began = SYSTEM_CLOCK.monotonic()
    run()
    return SYSTEM_CLOCK.monotonic() - began


def processor() -> float:
    """Return the seconds of processor that all threads of this process have taken so far."""
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rate(what: str, count: int, taken: tuple[float, ...], unit: str = "rows/s") -> Figure:
    """Return how many there are in a second, of the seconds that each repetition took."""
    each = tuple(count / one for one in taken)
    return Figure(what, median(each), unit, each=each)


def beside(figure: Figure, other: Figure, bound: float | None = None) -> Figure:
    """Return a figure of which more is better as a ratio to another, which it is to reach."""
    return figure._replace(against=other.what, ratio=figure.value / other.value, bound=bound)
