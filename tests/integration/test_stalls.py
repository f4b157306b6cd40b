"""A strategy that keeps the loop for itself ends its daemon until it is taken out of it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.daemons import PATIENCE, Daemon, until
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.runtimes.loop_watch import STALLED
from whispr_daemon.bootstrap.stalls import StallRecord
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.stall import Stall

SPIN = """
class Boom:
    name, version = "boom", "1"
    def on_event(self, event):
        while True:
            pass
"""


@pytest.fixture
def daemon(boom: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon of tier 0, one of whose strategies never returns."""
    folder = Path(tempfile.mkdtemp(prefix="s-"))
    (boom / "boom_plugin.py").write_text(SPIN)
    monkeypatch.setenv("PYTHONPATH", str(boom))
    settings = {
        "rules": {"dir": None},
        "strategies": [{"plugin": "boom"}, {"plugin": "ema_cross"}],
        "partitions": 1,
        "source": {"kind": "simulated", "speed": 20_000, "history_days": 0, "warm_sessions": 1},
        "health": {"port": 0},
        "stall_seconds": 4,
        "deaths": 2,
        "outlets": [{"kind": "jsonl", "path": "signals.jsonl"}],
    }
    made = Daemon(folder, settings)
    yield made
    made.discard()
    shutil.rmtree(folder)


def test_started_again_and_again_it_quarantines_the_unit_and_its_neighbour_goes_on(
    daemon: Daemon,
) -> None:
    daemon.data.mkdir()
    before = Stall(task="boom/0", position=Position(1, 0), seconds=4, at=SYSTEM_CLOCK.now())
    StallRecord(daemon.data).add(before)
    daemon.start()
    assert daemon.process is not None
    assert daemon.process.wait(PATIENCE) == STALLED
    assert '"event": "the event loop stands still, ending the process"' in daemon.errors
    assert '"unit": "boom/0"' in daemon.errors
    assert "in Boom.on_event" in daemon.errors

    daemon.start()
    until(lambda: daemon.outputs() > 0)
    states = {unit["unit_id"]: unit for host in daemon.hosts() for unit in host["report"]["units"]}
    assert states["ema_cross/0"]["state"] == "live"
    assert states["boom/0"]["state"] == "quarantined"
    assert "it stopped the event loop 2 times" in states["boom/0"]["reason"]
    assert daemon.end(within=30) == 0
