"""Ray's actors die at the points they come to, hosts and supervisor; the daemon says the same.

It takes minutes, so it is asked for: ``LONG=1 ops/test -k crash_points_on_ray``.
That a daemon of tier 1 survives each point over its servers is in ``test_crash_points``.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.integration.daemons import Daemon, until
from tests.integration.recordings import record
from tests.integration.replays import finish, start
from whispr_daemon.engine import crash

POINTS: Final = (
    "before_host_start",
    "after_host_start",
    "round_over",
    "host_started",
    "unit_claimed",
    "unit_recovered",
    "entries_folded",
    "before_commit",
    "after_commit",
    "before_snapshot",
    "after_snapshot",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user's Postgres can reach, and whose name is short."""
    made = Path(tempfile.mkdtemp(prefix="w-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.skipif("LONG" not in os.environ, reason="long; set LONG=1")
@pytest.mark.timeout(400)
def test_actors_killed_at_their_points_say_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = asyncio.run(record(folder, sessions=3)).minutes
    flags = ["--strategy", "ema_cross", "--format", "csv"]
    expected = sorted(finish(start([minutes, *flags], folder)).splitlines()[1:])
    marks = {point: folder / point for point in POINTS}
    at = ",".join(f"{point}@{mark}" for point, mark in marks.items())
    settings = {
        "tier": 1,
        "rules": {"dir": None},
        "strategies": [{"plugin": "ema_cross"}],
        "health": {"port": 0},
        "snapshot_seconds": 0.5,
        "idle_commit_seconds": 0.1,
        "outlets": [{"kind": "redis"}],
    }
    daemon = Daemon(folder, settings, "--source", minutes, "--speed", "1000")
    monkeypatch.setenv(crash.VARIABLE, at)
    daemon.start()
    try:
        until(lambda: all(mark.exists() for mark in marks.values()), 240)
        until(lambda: daemon.outputs() >= len(expected), 120)
        assert daemon.rows() == expected
        assert daemon.whispr("verify").returncode == 0
        assert daemon.end(within=60) == 0
    finally:
        daemon.discard()
    assert len(expected) > 50
