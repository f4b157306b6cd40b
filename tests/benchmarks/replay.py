"""Replay: golden gate and ribbon over many bars, beside six peers and two kernels by hand.

Everybody looks for the same four signals in the same minutes: the close crosses the level above (or
below) the close of the day before by 38.2 % of its ATR, once a session; EMA13 comes to stand at or
above EMA48, or below. Ours are two rule files.

Three things of ours are timed, each beside what begins and ends at the same place:

- ``kernels`` begin with framed columns (closes, days, times), which is what peers and the kernel by
  hand are handed as arrays; they end with verdicts that nobody has looked at. Ours make averages,
  levels of daily bars, warm-up, gaps, and write down what every clause was decided by; 8,192 rows
  at a time, with the state carried, as in production. Peers and the kernel by hand are told the
  levels, too, and what is to be said once a session is sorted out for csp after its time is taken.
  TA-Lib and talipp make the averages alone. So all that differs in the work favours them.
- ``rows to verdicts`` and ``rows to outputs`` begin with rows of 56 bytes in memory, as a log has
  them: slots by instrument, sessions, order, frames come before the kernels. The kernel by hand
  from rows does that, too, and makes the levels (see ``rows_by_hand``). Outputs are signals as a
  store takes them, with their values; nobody else makes such.
- ``Parquet to stored signals`` is all of a daemon from its start: files are read, rows logged,
  folded, outputs committed, daemon ended. A crossing that is not the first of its session is noted
  for the audit, which peers and the kernels by hand do without. Beside it the same bare: see
  ``stored``; ``processor`` is what its threads take a row, those of the last repetition.

``step`` is what each step of ours takes a row: see ``stages``.

Averages begin differently: peers with the first price (TA-Lib, talipp and ours with a mean of the
first n, and ours waits until that no longer matters). After 1,000 minutes the start weighs less
than the last bit of a double; from there on the signals have to be the same, bar by bar. Slow peers
get the first part of the bars, and are compared over that; what counts is rows a second. Kernels
are compiled before. A short run waits for no compiler: it is there for the signals.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from tests.benchmarks.bars import Bars, Files, Ints, generated, recorded, written
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.ours import Ours
from tests.benchmarks.peer import PEERS, PYTHON, Peer, Running
from tests.benchmarks.rows_by_hand import RowsByHand
from tests.benchmarks.said import compare, numbers
from tests.benchmarks.stored import bare
from tests.benchmarks.turns import beside, in_turns, rate, seconds

DATA: Final = Path(__file__).parents[3] / "shared" / "data"  # recorded, beside the checkout
RECORDED: Final = Files(
    DATA / "equity_1min_SPY_2011-01.parquet",
    DATA / "equity_daily_raw_13sym_1998_to_2013-10-09.parquet",
)
_HAND, _ROWS_BY_HAND = "kernel by hand", "kernel by hand from rows"
_KERNELS, _VERDICTS, _OUTPUTS = "kernels", "rows to verdicts", "rows to outputs"
_READ, _STORED = "bare read of the Parquet file", "Parquet to stored signals"
_BARE: Final = "bare read, append and insert"
_FROM_ROWS: Final = frozenset({_ROWS_BY_HAND, _VERDICTS, _OUTPUTS, _READ, _STORED, _BARE})
_A_SYMBOL: Final = 10_000  # minutes of each, of many


class Bounds(NamedTuple):
    """What has to be reached: kernels by ratio to others, the way to the store in rows a second."""

    kernels: dict[str, float]
    stored: float


BOUNDS: Final = Bounds({_HAND: 0.5, "csp": 10.0, "vectorbt": 2.0}, 3_000_000.0)
NONE: Final = Bounds({}, 0.0)  # of few rows: constant costs are most of what they take


def long(scale: Scale) -> Sequence[Figure]:
    """Measure one symbol."""
    bars = generated(scale.rows, 1)
    return _measured(bars, written(bars, scale.folder), scale, BOUNDS)


def wide(scale: Scale) -> Sequence[Figure]:
    """Measure many symbols."""
    symbols = min(500, max(2, scale.rows // _A_SYMBOL))
    bars = generated(scale.rows // symbols, symbols)
    return _measured(bars, written(bars, scale.folder), scale, BOUNDS)


def real(scale: Scale) -> Sequence[Figure]:
    """Measure a month of one symbol as it was; nothing, where no recorded data is at hand."""
    if not RECORDED.minutes.exists():
        scale.say(f"no recorded bars in {DATA}")
        return ()
    return _measured(recorded(RECORDED, "SPY"), RECORDED, scale, NONE)


CASES: Final = (
    Case("replay.long", "golden gate and ribbon over one symbol", long),
    Case("replay.wide", "golden gate and ribbon over many symbols, up to 500", wide),
    Case("replay.real", "golden gate and ribbon over SPY in January 2011, as recorded", real),
)


def _measured(bars: Bars, files: Files, scale: Scale, bounds: Bounds) -> Sequence[Figure]:
    """Run everybody in turns; compare what they said.

    Raises:
        DiffersError: somebody says something else than ours.
    """
    bars.save(scale.folder)
    ours = Ours(bars, files, scale.folder)
    hand = partial(by_hand, bars, compiled=not scale.short)
    expected = hand()  # compiles, too
    rows_by_hand = RowsByHand(bars, compiled=not scale.short)
    parts: dict[str, list[float]] = {}
    peers = {peer: _minutes(peer, bars) for peer in _fitting(bars)}
    with ExitStack() as stack:
        if not scale.short:
            scale.say("compiling kernels")
            ours.compile(stack)
        runners: dict[str, Callable[[], float]] = {
            _HAND: partial(seconds, hand),
            _KERNELS: ours.kernels,
            _ROWS_BY_HAND: partial(seconds, rows_by_hand.run),
            _VERDICTS: ours.verdicts,
            _OUTPUTS: ours.outputs,
            _READ: partial(seconds, partial(_read, files)),
            _STORED: ours.store,
            _BARE: partial(_bare, files, ours, scale.folder / "bare", parts),
        }
        scale.say("starting peers" if peers else "no peers are installed: ops/bench does that")
        running = [stack.enter_context(Running(peer, scale.folder)) for peer in peers]
        for each in running:
            runners[each.peer.name] = partial(each.run, peers[each.peer])
        taken = in_turns("replay", runners, scale)
        said = {each.peer: each.signals for each in running}
    by_hands = {_HAND: expected, _ROWS_BY_HAND: rows_by_hand.numbers(rows_by_hand.run())}
    compared = _compare(bars, by_hands, ours, said)
    counts = dict.fromkeys(taken, bars.size)
    counts |= {peer.name: minutes * len(bars.symbols) for peer, minutes in peers.items()}
    figures = {name: rate(name, counts[name], each) for name, each in taken.items()}
    return [
        *_ratios(figures, NONE if scale.short else bounds),
        *(_step(f"step: {name}", bars.size, each) for name, each in ours.steps.items()),
        *(_step(name, bars.size, each) for name, each in parts.items()),
        *_processor(ours, bars.size),
        Figure("signals that were the same", compared, "signals"),
        Figure("stored besides, for the audit", ours.others, "outputs"),
    ]


def _step(name: str, rows: int, taken: Sequence[float]) -> Figure:
    each = tuple(1e9 * one / rows for one in taken)
    return Figure(name, median(each), "ns/row", each=each)


def _bare(files: Files, ours: Ours, folder: Path, parts: dict[str, list[float]]) -> float:
    """Return the seconds of what the last run to a store cannot do without; keep its parts."""
    assert ours.stored is not None
    found = bare(files, ours.stored, folder)
    for name, taken in found.items():
        parts.setdefault(name, []).append(taken)
    return sum(found.values())


def _processor(ours: Ours, rows: int) -> Sequence[Figure]:
    """Return what threads of the last daemon took, and how long it took to begin."""
    assert ours.stored is not None
    spent = ours.stored.processor.items()
    return [
        *(Figure(f"processor: {name}", 1e9 * one / rows, "ns/row") for name, one in spent),
        Figure("files read and daemon begun", ours.stored.start, "s"),
    ]


def _fitting(bars: Bars) -> Sequence[Peer]:
    """Return the peers that can be had, and can do that."""
    if not PYTHON.exists():
        return ()
    return [peer for peer in PEERS if peer.symbols >= len(bars.symbols)]


def _minutes(peer: Peer, bars: Bars) -> int:
    return min(len(bars.ts), max(2, peer.rows // len(bars.symbols)))


def _read(files: Files) -> None:
    """Read the columns that a replay needs, and no more: what a file costs at least."""
    table = pq.read_table(files.minutes, columns=["ts", "symbol", "open", "high", "low", "close"])
    for name in ("ts", "open", "high", "low", "close"):
        np.asarray(table[name])


def _compare(bars: Bars, by_hands: dict[str, Ints], ours: Ours, said: dict[Peer, Ints]) -> int:
    """Return how many signals all say alike: ours, the kernels by hand, and peers in their part."""
    assert ours.stored is not None
    mine = _OUTPUTS, numbers(ours.said, bars)
    others = {
        **by_hands,
        _KERNELS: numbers(ours.step_by_step(), bars),
        _STORED: numbers(ours.stored.signals, bars),
    }
    (compared,) = {compare(mine, each, bars, len(bars.ts)) for each in others.items()}
    for peer, signals in said.items():
        compare(mine, (peer.name, signals), bars, _minutes(peer, bars), peer.kinds)
    return compared


def _ratios(figures: dict[str, Figure], bounds: Bounds) -> Sequence[Figure]:
    kernels, stored = figures[_KERNELS], figures[_STORED]
    told = [name for name in figures if name not in _FROM_ROWS and name != _KERNELS]
    return [
        *figures.values(),
        *(beside(kernels, figures[name], bounds.kernels.get(name)) for name in told),
        beside(figures[_VERDICTS], figures[_ROWS_BY_HAND]),
        beside(figures[_OUTPUTS], figures[_ROWS_BY_HAND]),
        stored._replace(bound=bounds.stored or None),
        beside(stored, figures[_READ]),
        beside(stored, figures[_BARE]),
    ]
