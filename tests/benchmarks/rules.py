"""Many rules over many symbols: what they take to load, to keep and to evaluate.

Every rule is about every symbol: 10,000 rules over 1,000 symbols are evaluated ten million times a
minute. They are a mix of some dozens of shapes (:mod:`tests.benchmarks.mix`). Each size runs in a
process of its own. Kernels are compiled beside the work, once a shape, and kept on disk; what is
measured comes after that. A short run waits for no compiler.

Columns are what rules read: a price, an average, a level. Each rule asks for its own; they are made
once for all that ask.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Final

from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.many_rules import Taken, Work, measured

_SIZES: Final = (  # rules, symbols
    *((count, 1_000) for count in (10, 100, 1_000, 10_000)),
    *((10_000, count) for count in (10, 100)),
)
_SHORT: Final = ((10, 20), (40, 20), (40, 10))
_HISTORY: Final = 1_650  # minutes, in which an average over 200 bars settles
_AT_ONCE: Final = 8  # minutes of who is behind
_ASKED: Final = (10_000, 1_000)
_LOAD: Final = 20.0  # seconds
_MEMORY: Final = 4_000.0  # MB
_MINUTE: Final = 1.0  # seconds


def many(scale: Scale) -> Sequence[Figure]:
    """Return what each size takes, and how that grows."""
    kernels = scale.folder / "kernels"
    found: dict[tuple[int, int], Taken] = {}
    for count, symbols in _SHORT if scale.short else _sizes(scale):
        scale.say(f"{count:,} rules over {symbols:,} symbols")
        work = Work(
            rules=count,
            symbols=symbols,
            history=30 if scale.short else _HISTORY,
            minutes=scale.repetitions,
            at_once=2 if scale.short else _AT_ONCE,
            kernels="" if scale.short else str(kernels),
        )
        found[count, symbols] = measured(work)
    figures = [figure for size, taken in found.items() for figure in _figures(size, taken)]
    return [*figures, *_growth(found)]


def _sizes(scale: Scale) -> Sequence[tuple[int, int]]:
    """Return what is not evaluated more often in a minute than twice the rows of a long run."""
    return [size for size in _SIZES if size[0] * size[1] <= 2 * scale.rows]


def _figures(size: tuple[int, int], taken: Taken) -> Sequence[Figure]:
    count, symbols = size
    asked = size == _ASKED
    name = f"{count:,} rules x {symbols:,} symbols"
    bounds = (_LOAD, _MEMORY, _MINUTE) if asked else (None, None, None)
    evaluated = count * taken.rows_of_a_minute
    each = taken.minutes
    return [
        Figure(f"{name}: loaded", taken.loaded, "s", bound=bounds[0], most=True),
        Figure(f"{name}: of it read and checked", taken.checked, "s"),
        Figure(f"{name}: memory, all of it", taken.peak_mb, "MB", bound=bounds[1], most=True),
        Figure(f"{name}: memory of rules and state", taken.standing_mb, "MB"),
        Figure(f"{name}: a minute", taken.minute, "s", bound=bounds[2], most=True, each=each),
        Figure(f"{name}: evaluations", evaluated / taken.minute, "/s"),
        Figure(f"{name}: many minutes at once", taken.events, "events/s"),
        Figure(f"{name}: signals a minute", taken.said, ""),
        Figure(f"{name}: columns asked for", taken.asked, ""),
        Figure(f"{name}: columns made", taken.made, ""),
    ]


def _growth(found: dict[tuple[int, int], Taken]) -> Sequence[Figure]:
    """Return by how much more a minute takes than in proportion: 1 is linear, less is better."""
    figures = []
    sizes = sorted(found)
    for name, fixed in (("rules", 1), ("symbols", 0)):
        ordered = sorted(sizes, key=lambda size: (size[fixed], size))
        for _, group in groupby(ordered, key=lambda size: size[fixed]):
            row = list(group)
            for less, more in pairwise(row):
                times = more[1 - fixed] / less[1 - fixed]
                grown = found[more].minute / found[less].minute / times
                what = f"{less[1 - fixed]:,} to {more[1 - fixed]:,} {name}"
                figures.append(Figure(f"a minute, {what}: to linear", grown, "x"))
                loads = found[more].loaded / found[less].loaded / times
                if name == "rules":
                    figures.append(Figure(f"loading, {what}: to linear", loads, "x"))
    return figures


CASES: Final = (Case("rules.many", "load, memory and evaluation of many rules", many),)
