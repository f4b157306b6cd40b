"""Many Python strategies: what the framework takes for each call, and memory, on both tiers.

On tier 0 all of them are in one process (``isolation: shared``) of a daemon, which replays minutes
of one symbol, then of more. A bare loop asks the same strategies with events made before: no log,
no store, no ids. What they say has to be the same in number.

On tier 1 they are in one actor, beside a Postgres, a Valkey and Ray with their processes, all of
which count.
"""

from collections.abc import Sequence
from typing import Final

from tests.benchmarks.figures import Case, DiffersError, Figure, Scale
from tests.benchmarks.linear import Size, each
from tests.benchmarks.many_strategies import Taken, Work, measured
from tests.benchmarks.strategies_on_ray import OnRay, on_ray

_SIZES: Final[Sequence[tuple[int, int]]] = (
    (1, 1),
    (50, 1),
    (500, 1),
    (50, 10),
    (50, 100),
)  # strategies, symbols
_SHORT: Final = ((1, 1), (5, 1), (5, 2))
_ON_RAY: Final = (50, 500)
_CALLS: Final = 1  # for each row of a long run, by all strategies together …
_MOST: Final = 12  # … but minutes only for every so-manieth row
_LEAST: Final = 100  # minutes
_MEMORY: Final = 4_000.0  # MB
_MB: Final = 1e6  # bytes


def many(scale: Scale) -> Sequence[Figure]:
    """Return what so many strategies take.

    Raises:
        DiffersError: the daemon says more, or less, than the bare loop.
    """
    found: dict[tuple[int, int], tuple[int, Taken]] = {}
    figures: list[Figure] = []
    for count, symbols in _SHORT if scale.short else _SIZES:
        name = _name(count, symbols)
        minutes = _minutes(count * symbols, scale)
        scale.say(f"{name}, {minutes:,} minutes")
        folder = scale.folder / f"{count}x{symbols}"
        folder.mkdir()
        taken = measured(Work(count, symbols, minutes, _LEAST, str(folder)))
        if taken.said != taken.bare_said:
            raise DiffersError(
                f"{name} say {taken.said:,} signals in the daemon and "
                f"{taken.bare_said:,} in a bare loop"
            )
        figures.append(Figure(f"{name}: signals", taken.said, ""))
        found[count, symbols] = (minutes - _LEAST) * symbols, taken
    if scale.short:  # the times of so few calls say nothing
        return figures
    for (count, symbols), (events, taken) in found.items():
        figures += _figures(count, symbols, events, taken)
    return [*figures, *_growth(found)]


def tier1(scale: Scale) -> Sequence[Figure]:
    """Return what so many strategies take in one actor of Ray."""
    if scale.short:  # a daemon of tier 1 takes a while to begin: tests of its own start it
        return ()
    found: dict[int, OnRay] = {}
    for count in _ON_RAY:
        minutes = _minutes(count, scale) // 2
        scale.say(f"{count} strategies on Ray, {minutes:,} minutes")
        found[count] = on_ray(count, minutes, scale.folder / str(count))
    figures: list[Figure] = []
    for count, ran in found.items():
        name = f"{count} strategies"
        memory = {who: used / _MB for who, used in ran.memory.items()}
        bound = _MEMORY if count == _ON_RAY[-1] else None
        figures += [
            Figure(f"{name}: memory, all processes", sum(memory.values()), "MB", bound=bound),
            *(Figure(f"{name}: memory of {who}", used, "MB") for who, used in memory.items()),
            Figure(f"{name}: start until all are live", ran.start, "s"),
            Figure(f"{name}: events", ran.events / ran.seconds, "events/s"),
            Figure(f"{name}: calls", count * ran.events / ran.seconds, "calls/s"),
            *(
                Figure(f"{name}: a call, CPU of {who}", 1e6 * used / (count * ran.events), "µs")
                for who, used in ran.cpu.items()
            ),
            Figure(f"{name}: signals", ran.said, ""),
        ]
    figures = [one._replace(most=one.bound is not None) for one in figures]
    calls = [
        Size(f"{count} strategies", count * ran.events, 1e6 * sum(ran.cpu.values()))
        for count, ran in found.items()
    ]
    memory_by = [
        Size(f"{count} strategies", count, sum(ran.memory.values()) / _MB)
        for count, ran in found.items()
    ]
    return [
        *figures,
        *each("CPU of a call, all processes", "µs", calls),
        *each("memory of a strategy", "MB", memory_by),
    ]


def _minutes(strategies: int, scale: Scale) -> int:
    """Return how many there are, where so many strategies and symbols are asked at each."""
    return max(2 * _LEAST, min(_CALLS * scale.rows // strategies, scale.rows // _MOST))


def _name(count: int, symbols: int) -> str:
    return f"{count} strategies" + (f" x {symbols} symbols" if symbols > 1 else "")


def _figures(count: int, symbols: int, events: int, taken: Taken) -> Sequence[Figure]:
    name = _name(count, symbols)
    calls = count * events
    bare = Figure(f"{name}: a call in a bare loop", 1e6 * taken.bare / calls, "µs")
    call = Figure(f"{name}: a call in the daemon", 1e6 * taken.cpu / calls, "µs", bare.what)
    rate = events / (taken.seconds - taken.start)
    bound = _MEMORY if (count, symbols) == max(_SIZES) else None
    return [
        Figure(f"{name}: memory, all of it", taken.peak_mb, "MB", bound=bound, most=True),
        Figure(f"{name}: start and end", taken.start, "s"),
        Figure(f"{name}: events", rate, "events/s"),
        Figure(f"{name}: calls", rate * count, "calls/s"),
        call._replace(ratio=bare.value / call.value),
        bare,
    ]


def _growth(found: dict[tuple[int, int], tuple[int, Taken]]) -> Sequence[Figure]:
    """Return what a call and a strategy cost among more and more of them, and of symbols."""
    one_symbol = [size for size in _SIZES if size[1] == 1]
    by_symbols = [size for size in _SIZES if size[0] == _ON_RAY[0]]
    figures: list[Figure] = []
    for by, sizes in (("by strategies", one_symbol), ("by symbols", by_symbols)):
        calls, memory = [], []
        for count, symbols in sizes:
            events, taken = found[count, symbols]
            calls.append(Size(_name(count, symbols), count * events, 1e6 * taken.cpu))
            memory.append(Size(_name(count, symbols), count * symbols, taken.peak_mb))
        figures += each(f"{by}, a call", "µs", calls)
        figures += each(f"{by}, memory of one and symbol", "MB", memory)
    return figures


CASES: Final = (
    Case("strategies.many", "memory and calls of many Python strategies", many),
    Case("strategies.tier1", "memory and calls of many Python strategies on Ray", tier1),
)
