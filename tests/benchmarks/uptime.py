"""Whether an event costs more the longer a daemon runs, and whether its memory grows.

A daemon of tier 0, in a process of its own, is fed minute by minute: two rules and some Python
strategies over some symbols, with the daily bars after each session; what they say is committed and
delivered. After each tenth it is waited until all of it is durable, and looked what it took.
"""

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import psutil  # type: ignore[import-untyped]
import structlog
from rich.console import Console

from tests.benchmarks.bars import generated
from tests.benchmarks.figures import Case, Figure, Scale
from tests.benchmarks.live import RULES
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap import assembly
from whispr_daemon.cli.serving import serve
from whispr_daemon.engine.notices import SPEAKER
from whispr_daemon.engine.unit import Ports
from whispr_daemon.ports.source import SourceBatch
from whispr_daemon.settings import Settings

_REPO: Final = Path(__file__).resolve().parents[2]
_ERRORS: Final = 40  # of logging
_PARTS: Final = 11  # tenths, after one for what is made once
_SYMBOLS: Final = 10
_STRATEGIES: Final = 10
_LEAST: Final = 20  # minutes a part
_SHARE: Final = 50  # of the rows of a long run one so-manieth
_LOOK: Final = 0.02  # seconds
_KEPT: Final = 0.75  # of the speed of the first tenth; two that are alike differ by a tenth here
_MB: Final = 1e6  # bytes


class Work(msgspec.Struct, frozen=True):
    """What is to be measured, in a folder that is there and empty."""

    minutes: int  # a part
    folder: str


class Part(msgspec.Struct, frozen=True):
    """What a part of the run took."""

    rows: int
    cpu: float  # seconds of the daemon's process
    resident: int  # bytes at its end
    outputs: int  # that are stored by then


class _Look(NamedTuple):
    rows: int
    cpu: float
    resident: int
    outputs: int


class _Parts:
    """A source that goes on when all before is durable, and looks at the process there."""

    name = "parts"

    def __init__(self, minutes: int) -> None:
        market = generated(_PARTS * minutes, _SYMBOLS)
        self._symbols = market.symbols
        self._rows = np.concatenate([market.history, market.rows])
        ends = len(market.history) + len(market.rows) * np.arange(1, _PARTS + 1) // _PARTS
        self._ends = [0, len(market.history), *ends.tolist()]
        self.ports: Ports | None = None  # of the daemon that it feeds
        self.looks: list[_Look] = []

    @property
    def total(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def describe(self, seq: int) -> str:
        """Say which."""
        return f"row {seq}"

    async def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield them, some of a minute at once."""
        assert after == 0
        for begin, end in pairwise(self._ends):
            for at in range(begin, end, _SYMBOLS):
                rows = self._rows[at : min(at + _SYMBOLS, end)]
                yield SourceBatch(first_seq=at + 1, symbols=self._symbols, rows=rows)
                await SYSTEM_CLOCK.sleep(0)
            await self._durable(end)

    async def _durable(self, row: int) -> None:
        """Wait until all units are as far as the log, and the log as far as this; look."""
        assert self.ports is not None
        log, store = self.ports.log, self.ports.store
        while True:
            tails = [await log.tail(partition) for partition in range(log.partitions)]
            marks = {**await store.marks()}
            marks.pop(SPEAKER, None)  # it reads no partition
            taken = max((tail.marks.get(self.name, 0) for tail in tails if tail), default=0)
            behind = [
                name
                for name, mark in marks.items()
                if (tail := tails[int(name.rpartition("/")[2])]) and mark.wm < tail.position
            ]
            if taken >= row and not behind:
                break
            await SYSTEM_CLOCK.sleep(_LOOK)
        used = getrusage(RUSAGE_SELF)
        resident = psutil.Process().memory_info().rss
        said = sum(mark.out_seq for mark in marks.values())
        self.looks.append(_Look(row, used.ru_utime + used.ru_stime, resident, said))


def take(work: Work) -> list[Part]:
    """Measure it here; return the tenths."""
    folder = Path(work.folder)
    rules = folder / "rules"
    rules.mkdir()
    for name, text in RULES.items():
        (rules / f"{name}.yaml").write_text(text)
    chosen = [
        {
            "plugin": "ema_cross",
            "id": f"cross_{number}",
            "isolation": "shared",
            "params": {"fast": 3 + number, "slow": 30 + number},
        }
        for number in range(_STRATEGIES)
    ]
    settings = Settings.model_validate(
        {
            "data": folder / "data",
            "partitions": 2,
            # Compiled, an event would cost another thing as soon as that is done.
            "rules": {"dir": rules, "watch": False, "jit": "off"},
            "strategies": chosen,
            "outlets": ({"kind": "jsonl", "path": folder / "signals.jsonl"},),
            "health": {"port": 0},
        }
    )
    source = _Parts(work.minutes)
    serve(lambda _: _run(settings, source))
    return [
        Part(
            rows=look.rows - before.rows,
            cpu=look.cpu - before.cpu,
            resident=look.resident,
            outputs=look.outputs,
        )
        for before, look in pairwise(source.looks[1:])
    ]


async def _run(settings: Settings, source: _Parts) -> None:
    async def fed(_settings: Settings) -> _Parts:
        return source

    changed: Any = assembly
    changed.source_of = fed
    async with assembly.assembled(settings, Console(quiet=True)) as made:
        source.ports = made.ports
        await made.daemon.run(to_end=True)


def steady(scale: Scale) -> Sequence[Figure]:
    """Return what an event costs in each tenth of a run, and the memory after it."""
    minutes = max(_LEAST, scale.rows // _SHARE // _SYMBOLS // _PARTS)
    scale.say(f"{_PARTS} times {minutes:,} minutes of {_SYMBOLS} symbols")
    given = msgspec.json.encode(Work(minutes, str(scale.folder)))
    command = [sys.executable, "-m", "tests.benchmarks.uptime"]
    ended = subprocess.run(command, input=given, stdout=subprocess.PIPE, cwd=_REPO, check=True)
    parts = msgspec.json.decode(ended.stdout, type=list[Part])
    outputs = Figure("outputs stored at the end", parts[-1].outputs, "")
    if scale.short:  # the times of so few events say nothing
        return [outputs]
    first, last = parts[0], parts[-1]
    figures = [
        Figure(f"tenth {number}: an event", 1e6 * part.cpu / part.rows, "µs")
        for number, part in enumerate(parts[:-1], start=1)
    ]
    cost = Figure("the last tenth: an event", 1e6 * last.cpu / last.rows, "µs", figures[0].what)
    return [
        *figures,
        cost._replace(ratio=figures[0].value / cost.value, bound=_KEPT),
        Figure("memory after the first tenth", first.resident / _MB, "MB"),
        Figure("memory after the last", last.resident / _MB, "MB"),
        outputs,
    ]


def main() -> None:
    """Measure what stdin says; print what it took."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(_ERRORS),
    )
    taken = take(msgspec.json.decode(sys.stdin.buffer.read(), type=Work))
    sys.stdout.buffer.write(msgspec.json.encode(taken))


CASES: Final = (Case("uptime.steady", "what an event costs in each tenth of a run", steady),)

if __name__ == "__main__":
    main()
