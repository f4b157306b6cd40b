"""Many rules over many symbols, in a process of its own: what they take.

Run by :mod:`tests.benchmarks.rules`. The rules are loaded, learn a history as they do in a daemon
whose rules were changed (another of their kind folds it in silence), and are given minutes of which
every symbol has a bar.
"""

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Final, NamedTuple

import msgspec
import psutil  # type: ignore[import-untyped]

from tests.benchmarks.bars import Bars, generated
from tests.benchmarks.mix import rules
from tests.benchmarks.turns import processor
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.outputs import Draft, Output, Signal
from whispr_daemon.domain.timeframe import DAILY
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.load import load
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

_REPO: Final = Path(__file__).resolve().parents[2]
_LEARNED: Final = 65_536  # rows at once, of the history
_ASKING: Final = 6  # minutes, after which every kernel was asked for: one ends bars of five
_BARS: Final = 21  # measured one by one
_MB: Final = 1e6  # bytes


class Work(msgspec.Struct, frozen=True):
    """What is to be measured."""

    rules: int
    symbols: int
    history: int  # minutes
    minutes: int  # measured one by one
    at_once: int  # minutes in one batch, as who is behind has them
    kernels: str = ""  # a folder; empty: nothing is compiled
    single: bool = False  # each rule is about one symbol, not about all
    busy: bool = False  # rules speak more than those of a desk


class Taken(msgspec.Struct, frozen=True):
    """What it took. Seconds, MB."""

    checked: float  # text to checked rules
    compiled: float  # checked rules to a strategy
    loading: float  # of processor, for both
    loaded_mb: float  # by which the process grew meanwhile
    standing_mb: float  # and with the state of all symbols, after the last minute
    peak_mb: float  # of the process, the market and the second strategy that learns included
    kernels: float  # until they were compiled, beside the work
    as_written: float  # of a minute before that
    minutes: tuple[float, ...]  # after it, one after the other …
    processor: tuple[float, ...]  # … and what each took of it
    bar: float  # of a batch of a single bar, in the middle of some
    events: float  # a second, of many minutes at once
    asked: int  # columns that programs name, of each rule its own
    made: int  # columns that are made of them
    said: int  # signals in a minute

    @property
    def loaded(self) -> float:
        """Seconds from texts to a strategy."""
        return self.checked + self.compiled

    @property
    def minute(self) -> float:
        """Seconds of a minute in the middle."""
        return median(self.minutes)

    @property
    def work(self) -> float:
        """Seconds of processor of the minute in the middle."""
        return median(self.processor)

    @property
    def worst(self) -> float:
        """Seconds of the longest."""
        return max(self.minutes)


def measured(work: Work) -> Taken:
    """Return what it takes, in a process of its own.

    Raises:
        CalledProcessError: it failed; what it said is on this process's stderr.
    """
    command = [sys.executable, "-m", "tests.benchmarks.many_rules"]
    given = msgspec.json.encode(work)
    ended = subprocess.run(command, input=given, stdout=subprocess.PIPE, cwd=_REPO, check=True)
    return msgspec.json.decode(ended.stdout, type=Taken)


def take(work: Work, compiler: Compiler) -> Taken:
    """Measure it here."""
    minutes = work.history + _ASKING + 2 + work.minutes + work.at_once
    market = generated(minutes, work.symbols)
    files = rules(work.rules, market.symbols if work.single else (), busy=work.busy)
    settings = RuleSettings(require="formed") if not work.kernels else RuleSettings()
    before, used = _resident(), processor()
    began = SYSTEM_CLOCK.monotonic()
    loaded = load(files)
    checked = SYSTEM_CLOCK.monotonic()
    strategy = RulesStrategy(loaded.rules, settings, compiler)
    compiled, loading = SYSTEM_CLOCK.monotonic(), processor() - used
    grown = _resident() - before
    assert not loaded.errors, loaded.errors[0]
    _learn(strategy, market, work.history)
    coming = _minutes(market, work.history)
    as_written = median(_taken(strategy, next(coming), market).wall for _ in range(_ASKING))
    asked = SYSTEM_CLOCK.monotonic()
    if isinstance(compiler, NumbaCompiler):
        compiler.finish()
    waited = SYSTEM_CLOCK.monotonic() - asked
    _taken(strategy, next(coming), market)  # state moves to where kernels have it
    gc.collect()
    gc.freeze()  # as a daemon does once it is live
    found = [_taken(strategy, next(coming), market) for _ in range(work.minutes)]
    standing = max(1.0, _resident() - before)  # few rules fit into what others have left
    rows = next(coming)
    alone = [_taken(strategy, rows[at : at + 1], market) for at in range(min(_BARS, len(rows)))]
    events = _at_once(strategy, market, work)
    programs = [turn.program for one in strategy._running for turn in one.turns]
    return Taken(
        checked=checked - began,
        compiled=compiled - checked,
        loading=loading,
        loaded_mb=grown,
        standing_mb=standing,
        peak_mb=getrusage(RUSAGE_SELF).ru_maxrss * 1024 / _MB,
        kernels=waited,
        as_written=as_written,
        minutes=tuple(each.wall for each in found),
        processor=tuple(each.processor for each in found),
        bar=median(each.wall for each in alone),
        events=events,
        asked=sum(len(program.columns) for program in programs),
        made=len({column for program in programs for column in program.columns}),
        said=round(sum(each.signals for each in found) / work.minutes),
    )


def _learn(strategy: RulesStrategy, market: Bars, minutes: int) -> None:
    """Let another learn the days and minutes before, and take them over from it."""
    strategy._lacks.keys = {key for key, _ in strategy._bank.tables()}
    other = strategy.unlearned()
    assert other is not None  # else there is no state, and so nothing to measure
    before = market.ts[minutes]
    past = market.rows[market.rows["ts"] < before]
    for rows in (market.history, past):
        for at in range(0, len(rows), _LEARNED):
            other.on_batch(Batch(rows[at : at + _LEARNED], market.symbols))
    strategy.learn(other)


def _minutes(market: Bars, first: int) -> Iterator[Rows]:
    """Yield the bars of one minute after the other."""
    rows = market.rows[market.rows["timeframe"] != DAILY]
    width = len(market.symbols)
    for at in range(first * width, len(rows), width):
        yield rows[at : at + width]


class _Rows(NamedTuple):
    """What some rows took, with all that was said of them."""

    wall: float  # seconds
    processor: float
    signals: int


def _taken(strategy: RulesStrategy, rows: Rows, market: Bars) -> _Rows:
    began, used = SYSTEM_CLOCK.monotonic(), processor()
    outputs = list(strategy.drafts(Batch(rows, market.symbols)))  # which is what a host asks for
    taken, used = SYSTEM_CLOCK.monotonic() - began, processor() - used
    return _Rows(taken, used, sum(_is_signal(each) for each in outputs))


def _is_signal(said: Output | Draft) -> bool:
    return said.kind == "signal" if isinstance(said, Draft) else isinstance(said, Signal)


def _at_once(strategy: RulesStrategy, market: Bars, work: Work) -> float:
    """Return how many events a second there are in a batch of many minutes, the last ones."""
    rows = market.rows[-work.at_once * work.symbols :]
    rows = rows[rows["timeframe"] != DAILY]
    began = SYSTEM_CLOCK.monotonic()
    strategy.on_batch(Batch(rows, market.symbols))
    return len(rows) / (SYSTEM_CLOCK.monotonic() - began)


def _resident() -> float:
    return float(psutil.Process().memory_info().rss / _MB)


def main() -> None:
    """Measure what stdin says; print what it took."""
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=Work)
    if not work.kernels:
        taken = take(work, UNCOMPILED)
    else:
        compiler = NumbaCompiler(Path(work.kernels))
        taken = take(work, compiler)
        compiler.close()
    sys.stdout.buffer.write(msgspec.json.encode(taken))


if __name__ == "__main__":
    main()
