"""The command line as people type it, and what it reads; ``conftest.py`` has it as fixtures."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import Result

from tests.integration.replays import COMMAND

RULE = 'name: tenth\nlogic:\n  - if: "cross(10.5, price)"\n    then: ["emit:CROSSED"]\n'
PRICES = [10, 11, 10, 11, 10, 11]


class Whispr(Protocol):
    """Runs a command line of ``whispr`` in an empty folder."""

    def __call__(self, *arguments: str | Path, status: int = 0) -> Result:
        """Run it; it must end with this status."""
        ...


def write_bars(path: Path, prices: list[float]) -> Path:
    begin = 1_704_205_800 * 10**9
    columns = {
        "ts": pa.array(
            [begin + n * 60 * 10**9 for n in range(len(prices))], pa.timestamp("ns", "UTC")
        ),
        "symbol": ["SPY"] * len(prices),
        **{name: [float(price) for price in prices] for name in ("open", "high", "low", "close")},
        "volume": [100.0] * len(prices),
    }
    pq.write_table(pa.table(columns), path)
    return path


@contextlib.contextmanager
def daemon(folder: Path, *flags: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a daemon, from the moment it answers; the block ends it."""
    process = subprocess.Popen(
        [*COMMAND, "run", *flags],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hears_hangups,
    )
    assert process.stderr is not None
    with process:
        try:
            for line in process.stderr:
                if line.startswith("health http"):
                    break
            yield process
        finally:
            process.kill()


def _hears_hangups() -> None:
    """Under nohup a daemon is deaf to them, as it should be; these are tests of one that is not."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
