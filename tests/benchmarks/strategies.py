"""Many Python strategies on one symbol: what the framework takes for each call.

All of them are in one process (``isolation: shared``) of a daemon of tier 0, which replays minutes
of one symbol. A bare loop asks the same strategies with events made before: no log, no store, no
ids. What they say has to be the same in number.
"""

from collections.abc import Sequence
from typing import Final

from tests.benchmarks.figures import Case, DiffersError, Figure, Scale
from tests.benchmarks.many_strategies import Taken, Work, measured

_COUNTS: Final = (1, 50, 500)
_SHORT: Final = (1, 5)
_CALLS: Final = 2  # for each row of a long run, by all strategies together …
_MOST: Final = 12  # … but minutes only for every so-manieth row
_LEAST: Final = 100  # minutes
_MEMORY: Final = 4_000.0  # MB


def many(scale: Scale) -> Sequence[Figure]:
    """Return what so many strategies take.

    Raises:
        DiffersError: the daemon says more, or less, than the bare loop.
    """
    figures: list[Figure] = []
    for count in _SHORT if scale.short else _COUNTS:
        minutes = max(2 * _LEAST, min(_CALLS * scale.rows // count, scale.rows // _MOST))
        scale.say(f"{count} strategies, {minutes:,} minutes")
        folder = scale.folder / str(count)
        folder.mkdir()
        taken = measured(Work(count, minutes, _LEAST, str(folder)))
        if taken.said != taken.bare_said:
            raise DiffersError(
                f"{count} strategies say {taken.said:,} signals in the daemon and "
                f"{taken.bare_said:,} in a bare loop"
            )
        figures.append(Figure(f"{count} strategies: signals", taken.said, ""))
        if not scale.short:  # the times of so few calls say nothing
            figures += _figures(count, minutes - _LEAST, taken)
    return figures


def _figures(count: int, minutes: int, taken: Taken) -> Sequence[Figure]:
    name = f"{count} strategies"
    calls = count * minutes
    bare = Figure(f"{name}: a call in a bare loop", 1e6 * taken.bare / calls, "µs")
    call = Figure(f"{name}: a call in the daemon", 1e6 * taken.cpu / calls, "µs", bare.what)
    events = minutes / (taken.seconds - taken.start)
    bound = _MEMORY if count == _COUNTS[-1] else None
    return [
        Figure(f"{name}: memory, all of it", taken.peak_mb, "MB", bound=bound, most=True),
        Figure(f"{name}: start and end", taken.start, "s"),
        Figure(f"{name}: events", events, "events/s"),
        Figure(f"{name}: calls", events * count, "calls/s"),
        call._replace(ratio=bare.value / call.value),
        bare,
    ]


CASES: Final = (Case("strategies.many", "memory and calls of many Python strategies", many),)
