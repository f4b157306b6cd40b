"""Replay: golden gate and ribbon over many bars, beside six peers and a kernel written by hand.

Everybody looks for the same four signals in the same minutes: the close crosses the level above (or
below) the close of the day before by 38.2 % of its ATR, once a session; EMA13 comes to stand at or
above EMA48, or below. Ours are two rule files, and make the levels of daily bars; peers are handed
the levels, and what is to be said once a session is sorted out for csp after its time is taken.
TA-Lib and talipp make the averages alone. So all that differs in the work favours the peers.

Averages begin differently: peers with the first price (TA-Lib, talipp and ours with a mean of the
first n, and ours waits until that no longer matters). After 1,000 minutes the start weighs less
than the last bit of a double; from there on the signals have to be the same, bar by bar. Slow peers
get the first part of the bars, and are compared over that; what counts is rows a second.

``rules`` is what the rules engine takes for rows in memory, in batches, with its kernels compiled
before. ``Parquet to stored signals`` is all of a daemon from its start: files are read, rows
logged, folded, outputs committed, daemon ended. A crossing that is not the first of its session is
noted for the audit, which peers and the kernel by hand do without.

A short run waits for no compiler: it is there for the signals.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from tests.benchmarks.bars import Bars, Files, Ints, generated, recorded, written
from tests.benchmarks.by_hand import RULES, by_hand
from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.peer import PEERS, PYTHON, Peer, Running
from tests.benchmarks.said import compare, numbers
from tests.benchmarks.stored import Stored, replayed
from tests.benchmarks.turns import beside, in_turns, rate, seconds
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.load import load
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

DATA: Final = Path(__file__).parents[3] / "shared" / "data"  # recorded, beside the checkout
RECORDED: Final = Files(
    DATA / "equity_1min_SPY_2011-01.parquet",
    DATA / "equity_daily_raw_13sym_1998_to_2013-10-09.parquet",
)
_BATCH: Final = 65_536  # rows
_WARM: Final = 4 * _BATCH  # rows, after which every kernel was asked for
_HAND, _RULES, _READ = "kernel by hand", "rules", "bare read of the Parquet file"
_STORED: Final = "Parquet to stored signals"
_A_SYMBOL: Final = 10_000  # minutes of each, of many


class Bounds(NamedTuple):
    """What has to be reached; rules by ratio to somebody, the way to the store in rows a second."""

    rules: dict[str, float]
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


class _Ours:
    """The rules of a run, and what they said last."""

    def __init__(self, bars: Bars, files: Files, folder: Path) -> None:
        """Nothing is compiled."""
        self.said: list[Output] = []
        self.stored: Stored | None = None
        self._bars, self._files, self._folder = bars, files, folder
        self._kernels: Path | None = None
        self._compiler: Compiler = UNCOMPILED

    def compile(self, stack: ExitStack) -> None:
        """Compile the kernels; ``stack`` is closed after the last run."""
        self._kernels = self._folder / "kernels"
        self._compiler = compiler = NumbaCompiler(self._kernels)
        stack.callback(compiler.close)
        for _ in range(2):  # some are asked for only after others are there
            self._fold(_WARM)
            compiler.finish()

    def fold(self) -> float:
        """Return the seconds that rules take for all rows in memory."""
        return self._fold(len(self._bars.rows))

    def _fold(self, count: int) -> float:
        bars = self._bars
        rules = RulesStrategy(load(RULES).rules, RuleSettings(), self._compiler)
        for _ in rules.on_batch(Batch(bars.history, bars.symbols)):
            pass  # daily bars only: nothing is said
        self.said = []
        began = SYSTEM_CLOCK.monotonic()
        for begin in range(0, count, _BATCH):
            self.said += rules.on_batch(Batch(bars.rows[begin : begin + _BATCH], bars.symbols))
        return SYSTEM_CLOCK.monotonic() - began

    @property
    def others(self) -> int:
        """How many outputs of a replay were no signals."""
        return self.stored.others if self.stored else 0

    def store(self) -> float:
        """Return the seconds from files to signals in a store."""
        folder = self._folder / "daemon"
        symbols = self._bars.symbols
        self.stored = replayed(self._files, symbols, RULES, self._kernels, folder)
        return self.stored.seconds


def _measured(bars: Bars, files: Files, scale: Scale, bounds: Bounds) -> Sequence[Figure]:
    """Run everybody in turns; compare what they said.

    Raises:
        DiffersError: somebody says something else than ours.
    """
    bars.save(scale.folder)
    ours = _Ours(bars, files, scale.folder)
    hand = partial(by_hand, bars, compiled=not scale.short)
    expected = hand()  # compiles, too
    peers = {peer: _minutes(peer, bars) for peer in _fitting(bars)}
    with ExitStack() as stack:
        if not scale.short:
            scale.say("compiling kernels")
            ours.compile(stack)
        runners: dict[str, Callable[[], float]] = {
            _HAND: partial(seconds, hand),
            _RULES: ours.fold,
            _READ: partial(seconds, partial(_read, files)),
            _STORED: ours.store,
        }
        scale.say("starting peers" if peers else "no peers are installed: ops/bench does that")
        running = [stack.enter_context(Running(peer, scale.folder)) for peer in peers]
        for each in running:
            runners[each.peer.name] = partial(each.run, peers[each.peer])
        taken = in_turns("replay", runners, scale)
        said = {each.peer: each.signals for each in running}
    compared = _compare(bars, expected, ours, said)
    counts = dict.fromkeys(taken, bars.size)
    counts |= {peer.name: minutes * len(bars.symbols) for peer, minutes in peers.items()}
    figures = {name: rate(name, counts[name], each) for name, each in taken.items()}
    ratios = _ratios(figures, NONE if scale.short else bounds)
    return [
        *ratios,
        Figure("signals that were the same", compared, "signals"),
        Figure("stored besides, for the audit", ours.others, "outputs"),
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


def _compare(bars: Bars, hand: Ints, ours: _Ours, said: dict[Peer, Ints]) -> int:
    """Return how many signals of ours are those of the kernel by hand; peers' are compared, too."""
    assert ours.stored is not None
    mine = _RULES, numbers(ours.said, bars)
    compared = compare(mine, (_HAND, hand), bars, len(bars.ts))
    compare((_STORED, numbers(ours.stored.signals, bars)), mine, bars, len(bars.ts))
    for peer, signals in said.items():
        compare(mine, (peer.name, signals), bars, _minutes(peer, bars), peer.kinds)
    return compared


def _ratios(figures: dict[str, Figure], bounds: Bounds) -> Sequence[Figure]:
    rules, stored = figures[_RULES], figures[_STORED]
    others = [each for each in figures.values() if each.what not in (_RULES, _STORED, _READ)]
    return [
        *figures.values(),
        *(beside(rules, other, bounds.rules.get(other.what)) for other in others),
        stored._replace(bound=bounds.stored or None),
        beside(stored, figures[_READ]),
    ]
