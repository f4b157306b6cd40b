"""A strategy that answers some events, installed by benchmarks as its author would do it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.benchmarks.market import ANSWERED
from whispr_daemon.domain.events import MarketEvent, Trade
from whispr_daemon.domain.outputs import Output, Signal

_REPO: Final = Path(__file__).resolve().parents[2]
_ABOUT: Final = "Metadata-Version: 2.1\nName: whispr-bench-echo\nVersion: 1\n"
_POINTS: Final = "[whispr.strategies]\necho = tests.benchmarks.echo:Echo\n"


class Echo:
    """Answers each trade of one size."""

    name = "echo"
    version = "1"

    def on_event(self, event: MarketEvent) -> Iterable[Output]:
        """Say that it saw it, when it happened."""
        if isinstance(event, Trade) and event.size == ANSWERED:
            return (Signal(name="echo", price=event.price),)
        return ()


def installed_in(folder: Path) -> Mapping[str, str]:
    """Offer it to processes with the environment that is returned."""
    package = folder / "whispr_bench_echo-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text(_ABOUT)
    (package / "entry_points.txt").write_text(_POINTS)
    return {"PYTHONPATH": f"{_REPO}:{folder}"}
