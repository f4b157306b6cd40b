"""Many Python strategies in one daemon, in a process of its own: what they take.

Run by :mod:`tests.benchmarks.strategies`. A daemon of tier 0 replays a file of minutes from its
start to its end, all strategies in one host; first a few minutes of it, for what start and end
take. Then the same strategies are asked in a bare loop, which has its events before.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from rich.console import Console

from strategies.ema_cross import EmaCross
from tests.benchmarks.bars import Bars, generated, written
from tests.benchmarks.turns import processor
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.assembly import assembled
from whispr_daemon.cli.serving import serve
from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.timeframe import DAILY
from whispr_daemon.settings import Settings

_REPO: Final = Path(__file__).resolve().parents[2]
_ERRORS: Final = 40  # of logging
_MB: Final = 1e6  # bytes
# A machine with other work may keep a loop waiting for longer than a daemon bears.
STALL_SECONDS: Final = 600.0


class Work(msgspec.Struct, frozen=True):
    """What is to be measured, in a folder that is there and empty."""

    strategies: int
    symbols: int
    minutes: int
    least: int  # minutes of the short replay
    folder: str


class Taken(msgspec.Struct, frozen=True):
    """What it took."""

    start: float  # seconds of the short replay
    seconds: float  # of the long one
    cpu: float  # seconds that the long one takes more than the short one
    bare: float  # seconds of CPU of as many calls in a bare loop
    peak_mb: float  # of the process
    said: int  # signals in the store
    bare_said: int  # and of the bare loop


class _Replayed(NamedTuple):
    seconds: float
    cpu: float
    said: int


def measured(work: Work) -> Taken:
    """Return what it takes, in a process of its own.

    Raises:
        CalledProcessError: it failed; what it said is on this process's stderr.
    """
    command = [sys.executable, "-m", "tests.benchmarks.many_strategies"]
    given = msgspec.json.encode(work)
    ended = subprocess.run(command, input=given, stdout=subprocess.PIPE, cwd=_REPO, check=True)
    return msgspec.json.decode(ended.stdout, type=Taken)


def take(work: Work) -> Taken:
    """Measure it here."""
    folder = Path(work.folder)
    little = generated(work.least, work.symbols)
    _replayed(little, 1, folder / "first")  # which imports what is imported late
    few = _replayed(little, work.strategies, folder / "few")
    market = generated(work.minutes, work.symbols)
    all_of_it = _replayed(market, work.strategies, folder / "all")
    peak = getrusage(RUSAGE_SELF).ru_maxrss * 1024 / _MB
    bare, bare_said = _bare(market, work.strategies)
    return Taken(
        start=few.seconds,
        seconds=all_of_it.seconds,
        cpu=all_of_it.cpu - few.cpu,
        bare=bare * (work.minutes - work.least) / work.minutes,
        peak_mb=peak,
        said=all_of_it.said,
        bare_said=bare_said,
    )


def _lengths(number: int) -> tuple[int, int]:
    """Return the two lengths of a strategy: each has its own."""
    return 3 + number % 20, 30 + number // 20


def chosen(count: int) -> Sequence[dict[str, Any]]:
    """Return so many strategies that share a process, as settings have them."""
    found = []
    for number in range(count):
        fast, slow = _lengths(number)
        params = {"fast": fast, "slow": slow}
        named = {"plugin": "ema_cross", "id": f"cross_{number}", "isolation": "shared"}
        found.append({**named, "params": params})
    return found


def _replayed(market: Bars, count: int, folder: Path) -> _Replayed:
    folder.mkdir()
    files = written(market, folder)
    settings = Settings.model_validate(
        {
            "data": folder / "data",
            "rules": {"dir": None},
            "strategies": chosen(count),
            "stall_seconds": STALL_SECONDS,
            "source": {"kind": "files", "paths": (files.minutes,)},
            "outlets": (),
            "health": {"port": 0},
        }
    )
    return serve(lambda _: _run(settings))


async def _run(settings: Settings) -> _Replayed:
    began, used = SYSTEM_CLOCK.monotonic(), processor()
    async with assembled(settings, Console(quiet=True)) as made:
        await made.daemon.run(to_end=True)
        taken = SYSTEM_CLOCK.monotonic() - began, processor() - used
        marks = await made.ports.store.marks()
    return _Replayed(*taken, sum(mark.out_seq for mark in marks.values()))


def _bare(market: Bars, count: int) -> tuple[float, int]:
    """Return the seconds of CPU that the strategies themselves take, and how much they say."""
    rows = market.rows[market.rows["timeframe"] != DAILY]
    events = list(Batch(rows, market.symbols).events())
    strategies = [EmaCross(*_lengths(number)) for number in range(count)]
    used, said = processor(), 0
    for strategy in strategies:
        for event in events:
            said += len(strategy.on_event(event))
    return processor() - used, said


def main() -> None:
    """Measure what stdin says; print what it took."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(_ERRORS),
    )
    taken = take(msgspec.json.decode(sys.stdin.buffer.read(), type=Work))
    sys.stdout.buffer.write(msgspec.json.encode(taken))


if __name__ == "__main__":
    main()
