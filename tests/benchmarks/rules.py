"""Many rules over many symbols: what they take to load, to keep and to evaluate.

Every rule is about every symbol: 10,000 rules over 1,000 symbols are evaluated ten million times a
minute. They are a mix of some dozens of shapes (:mod:`tests.benchmarks.mix`). Each size runs in a
process of its own. Kernels are compiled beside the work, once a shape, and kept on disk. Minutes
are measured one by one, with all that is said in them, of all symbols, with state that a history
has settled: as long as nothing is compiled, while a compiler has its share of the machine, and then
three dozen when all is (the middle one and the worst; each fifth has the rules of five minutes).
A bar that comes alone goes through all rules, too; once more where each rule is about one symbol.
Minutes of rules that speak more than those of a desk are measured beside, and are not bounded.
A short run waits for no compiler.
What one rule costs among more and more of them, and with more and more symbols, is told step by
step, in processor time, and may not grow.

Columns are what rules read: a price, an average, a level. Each rule asks for its own; they are made
once for all that ask.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.linear import Size, each
from tests.benchmarks.many_rules import Taken, Work, measured

_SIZES: Final = (  # rules, symbols
    *((count, 1_000) for count in (10, 100, 1_000, 10_000)),
    *((10_000, count) for count in (10, 100)),
)
_SHORT: Final = ((10, 20), (40, 20), (40, 10))
_HISTORY: Final = 480  # minutes, a session and a part: averages over 200 of them are settled
_MINUTES: Final = 36
_AT_ONCE: Final = 8  # minutes of who is behind
_ASKED: Final = (10_000, 1_000)
_LOAD: Final = 20.0  # seconds
_MEMORY: Final = 4_000.0  # MB
_MINUTE: Final = 1.0  # seconds


def many(scale: Scale) -> Sequence[Figure]:
    """Return what each size takes, and how that grows."""
    found: dict[tuple[int, int], Taken] = {}
    sizes = _SHORT if scale.short else _sizes(scale)
    for count, symbols in sizes:
        scale.say(f"{count:,} rules over {symbols:,} symbols")
        found[count, symbols] = measured(_work(scale, count, symbols))
    figures = [figure for size, taken in found.items() for figure in _figures(size, taken)]
    count, symbols = max(sizes)
    scale.say(f"{count:,} rules of one of {symbols:,} symbols each")
    single = measured(msgspec.structs.replace(_work(scale, count, symbols), single=True))
    scale.say(f"{count:,} rules over {symbols:,} symbols that speak more than a desk's")
    busy = measured(msgspec.structs.replace(_work(scale, count, symbols), busy=True))
    name = f"{count:,} busy rules x {symbols:,} symbols"
    figures += [
        Figure(f"{name}: a minute", busy.minute, "s", each=busy.minutes),
        Figure(f"{name}: a minute, processor time", busy.work, "s", each=busy.processor),
        Figure(f"{name}: the worst minute", busy.worst, "s"),
        Figure(f"{name}: signals a minute", busy.said, ""),
    ]
    name = f"{count:,} rules of one of {symbols:,} symbols each"
    figures += [
        Figure(f"{name}: a minute", single.minute, "s"),
        Figure(f"{name}: a bar that comes alone", single.bar * 1e3, "ms"),
    ]
    return [*figures, *_growth(found)]


def _work(scale: Scale, count: int, symbols: int) -> Work:
    return Work(
        rules=count,
        symbols=symbols,
        history=30 if scale.short else _HISTORY,
        minutes=scale.repetitions if scale.short else _MINUTES,
        at_once=2 if scale.short else _AT_ONCE,
        kernels="" if scale.short else str(scale.folder / "kernels"),
    )


def _sizes(scale: Scale) -> Sequence[tuple[int, int]]:
    """Return what is not evaluated more often in a minute than twice the rows of a long run."""
    return [size for size in _SIZES if size[0] * size[1] <= 2 * scale.rows]


def _figures(size: tuple[int, int], taken: Taken) -> Sequence[Figure]:
    count, symbols = size
    asked = size == _ASKED
    name = f"{count:,} rules x {symbols:,} symbols"
    bounds = (_LOAD, _MEMORY, _MINUTE) if asked else (None, None, None)
    evaluated = count * symbols
    minute = Figure(f"{name}: a minute", taken.minute, "s")
    return [
        Figure(f"{name}: loaded", taken.loaded, "s", bound=bounds[0], most=True),
        Figure(f"{name}: of it read and checked", taken.checked, "s"),
        Figure(f"{name}: memory, all of it", taken.peak_mb, "MB", bound=bounds[1], most=True),
        Figure(f"{name}: memory of rules and state", taken.standing_mb, "MB"),
        minute._replace(bound=bounds[2], most=True, each=taken.minutes),
        Figure(f"{name}: the worst minute", taken.worst, "s", bound=bounds[2], most=True),
        Figure(f"{name}: a minute, processor time", taken.work, "s", each=taken.processor),
        Figure(f"{name}: a minute, not compiled yet", taken.as_written, "s"),
        Figure(f"{name}: a bar that comes alone", taken.bar * 1e3, "ms"),
        Figure(f"{name}: evaluations", evaluated / taken.minute, "/s"),
        Figure(f"{name}: many minutes at once", taken.events, "events/s"),
        Figure(f"{name}: signals a minute", taken.said, ""),
        Figure(f"{name}: columns asked for", taken.asked, ""),
        Figure(f"{name}: columns made", taken.made, ""),
    ]


def _growth(found: Mapping[tuple[int, int], Taken]) -> Sequence[Figure]:
    """Return what one rule costs among more and more of them, and with more and more symbols."""
    most, wide = max(found)
    by_rules = [(size, found[size]) for size in sorted(found) if size[1] == wide]
    by_symbols = [(size, found[size]) for size in sorted(found) if size[0] == most]
    loads = [Size(f"{size[0]:,} rules", size[0], 1e3 * taken.loading) for size, taken in by_rules]
    figures = each("to load a rule", "ms", loads)
    for order, by in ((by_rules, "by rules"), (by_symbols, "by symbols")):
        named = [
            (f"{count:,} rules x {symbols:,} symbols", count * symbols, taken)
            for (count, symbols), taken in order
        ]
        minutes = [Size(name, count, 1e9 * taken.work) for name, count, taken in named]
        memory = [Size(name, count, 1e3 * taken.standing_mb) for name, count, taken in named]
        figures += each(f"{by}, a minute of one rule and symbol", "ns", minutes)
        figures += each(f"{by}, memory of one rule and symbol", "kB", memory)
    return figures


CASES: Final = (Case("rules.many", "load, memory and evaluation of many rules", many),)
