"""Same rules, same data, any tier, a host killed or not: the same rows with the same ids."""

import contextlib
import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.daemons import GLANCE
from tests.integration.recordings import Recording, record
from tests.integration.replays import finish, start

SESSIONS = 6
PACE = 10_000  # market seconds in a second: slow enough to be killed in the middle


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return await record(tmp_path_factory.mktemp("recorded"), SESSIONS)


@pytest.fixture(scope="module")
def arguments(recorded: Recording, repo_root: Path) -> list[str | Path]:
    minutes, days = recorded
    rules = repo_root / "config" / "rules"
    strategy = ("--strategy", "ema_cross")
    return [minutes, "--history", days, "--rules", rules, *strategy, "--format", "csv"]


@pytest.fixture(scope="module")
def on_tier_0(arguments: list[str | Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    said = finish(start(arguments, tmp_path_factory.mktemp("tier0")))
    assert said.count("\n") > 100
    assert {"conviction_arrow", "golden_gate_intraday", "ema_cross"} <= {
        line.split(",")[2] for line in said.splitlines()
    }
    return said


def test_tier_1_says_the_same_as_tier_0(
    arguments: list[str | Path], on_tier_0: str, tmp_path: Path
) -> None:
    assert finish(start([*arguments, "--tier", "1"], tmp_path)) == on_tier_0


def test_a_host_that_is_killed_changes_nothing(
    arguments: list[str | Path], on_tier_0: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    rows = tmp_path / "rows.csv"  # not a pipe, which would have to be emptied meanwhile
    paced = ["--tier", "1", "--data", data, "--speed", PACE, "--out", rows]
    replay = start([*arguments, *map(str, paced)], tmp_path)
    killed = False
    try:
        while not killed and replay.poll() is None:
            for pid in _rule_hosts_with_outputs(data):
                os.kill(pid, signal.SIGKILL)
                killed = True
            with contextlib.suppress(subprocess.TimeoutExpired):
                replay.wait(timeout=GLANCE)
        finish(replay)
    finally:
        with contextlib.suppress(ProcessLookupError):
            replay.kill()
    assert killed
    assert rows.read_text() == on_tier_0


def _rule_hosts_with_outputs(data: Path) -> set[int]:
    """Return the pids of hosts of rules that have said something and have more to read."""
    status = _status(data)
    return {
        host["report"]["pid"]
        for host in status.get("hosts", ())
        if host["up"] and host["host_id"].startswith("rules") and host["report"]["units"]
        if any(unit["state"] == "live" and unit["outputs"] for unit in host["report"]["units"])
    }


def _status(data: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        running = json.loads((data / "running.json").read_text())
        with urllib.request.urlopen(f"{running['health_url']}/status", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    return {}
