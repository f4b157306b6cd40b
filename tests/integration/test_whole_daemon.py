"""The whole daemon in the hands of a hostile operator: nothing lost, nothing twice, none left."""

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from redis import Redis

from tests.integration.daemons import PATIENCE, Daemon, until
from tests.integration.recordings import record
from tests.integration.replays import COMMAND

SESSIONS = 5
BAD_EVERY = 700  # rows
INTERRUPTED = 130
REFUSED_ROWS = 3
SETTINGS: dict[str, Any] = {
    "strategies": [{"plugin": "ema_cross"}],
    "health": {"port": 0},
    "snapshot_seconds": 0.5,
    "idle_commit_seconds": 0.1,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """Minute bars of a simulated market, some of them bad, with daily bars: flags of a source."""
    files = await record(tmp_path_factory.mktemp("recorded"), SESSIONS, BAD_EVERY)
    return ["--source", files.minutes, "--history", files.days]


@pytest.fixture
def daemon(recorded: list[str | Path], repo_root: Path) -> Iterator[Callable[..., Daemon]]:
    """A maker of daemons on the recorded market, at a pace; all their processes end with it."""
    # Not pytest's folder: it is private to root, and the Postgres of root's is another user's.
    folder = Path(tempfile.mkdtemp(prefix="w-"))
    folder.chmod(0o755)
    made: list[Daemon] = []

    def make(speed: int, **settings: Any) -> Daemon:
        rules = {"dir": str(repo_root / "config" / "rules")}
        all_settings = {**SETTINGS, "rules": rules, **settings}
        made.append(Daemon(folder, all_settings, *recorded, "--speed", str(speed)))
        return made[-1]

    yield make
    for each in made:
        each.discard()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def expected(
    recorded: list[str | Path], repo_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """What a daemon says whom nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    rules = repo_root / "config" / "rules"
    flags = ["--rules", rules, "--strategy", "ema_cross", "--format", "csv"]
    ended = subprocess.run(
        [*COMMAND, "replay", *map(str, [*recorded[1:], *flags])],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == REFUSED_ROWS, ended.stderr
    rows = sorted(ended.stdout.splitlines()[1:])
    assert len(rows) > 300
    return rows


def ids(rows: list[str]) -> list[str]:
    return sorted(row.rpartition(",")[2] for row in rows)


def lines(file: Path) -> list[str]:
    """The rows of a file of CSV, sorted."""
    return sorted(file.read_text().splitlines()[1:])


def rules_host(daemon: Daemon) -> int:
    """The process the rules run in, once it has reported."""
    found: list[int] = []

    def told() -> bool:
        rules = [host for host in daemon.hosts() if host["host_id"].startswith("rules")]
        found[:] = [host["report"]["pid"] for host in rules]
        return bool(found)

    until(told)
    (pid,) = found
    return pid


def wait_for_more(daemon: Daemon, expected: list[str]) -> None:
    """Wait until it has said more than by now, or all there is to say."""
    before = daemon.outputs()
    until(lambda: daemon.outputs() > before or before >= len(expected))


def delivered(daemon: Daemon) -> list[str]:
    """The ids in the file of JSON lines, sorted, each as often as it is there."""
    said = daemon.said.read_text().splitlines()
    return sorted(json.loads(line)["output"]["id"] for line in said)


def streamed(daemon: Daemon) -> list[str]:
    """The ids on the SIGNALS stream, sorted, each as often as it is there."""
    found = daemon.running()
    assert found is not None
    password = (daemon.data / "valkey" / "password").read_text().strip()
    with Redis.from_url(found.redis_url, password=password) as server:
        entries = server.xrange("whispr:SIGNALS")
    return sorted(fields[b"id"].decode() for _, fields in entries)


def test_killed_again_and_again_it_goes_on_where_it_was(
    daemon: Callable[..., Daemon], expected: list[str]
) -> None:
    killed = daemon(30_000, outlets=[{"kind": "jsonl", "path": "signals.jsonl"}])
    for part in (0, 0.2, 0.5):
        killed.start()
        until(killed.running)
        until(lambda part=part: killed.outputs() >= part * len(expected))  # type: ignore[misc]
        killed.kill()
    killed.start()
    until(lambda: len(delivered(killed)) >= len(expected))
    assert killed.end(within=PATIENCE) == 0
    assert killed.rows() == expected
    assert delivered(killed) == ids(expected)


def test_with_daemon_servers_and_hosts_killed_or_frozen_on_tier_1_the_same_is_said(
    daemon: Callable[..., Daemon], expected: list[str], tmp_path: Path
) -> None:
    hurt = daemon(6_000, tier=1, stall_seconds=3, outlets=[{"kind": "redis"}]).start()
    until(lambda: hurt.outputs() > 0)
    hurt.kill()  # and the kernel its cluster and its servers
    hurt.start()
    until(hurt.running)
    with hurt.following(tmp_path / "followed.csv"):
        for program in ("valkey", "postgres"):
            wait_for_more(hurt, expected)
            hurt.server(program).kill()
        frozen = psutil.Process(rules_host(hurt))
        frozen.suspend()
        until(lambda: any(host["restarts"] for host in hurt.hosts()))
        with contextlib.suppress(psutil.NoSuchProcess):
            frozen.resume()
        until(lambda: len(streamed(hurt)) >= len(expected))
        until(lambda: len(lines(tmp_path / "followed.csv")) >= len(expected))
    assert hurt.rows() == expected
    assert streamed(hurt) == ids(expected)
    assert lines(tmp_path / "followed.csv") == expected
    verified = hurt.whispr("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert hurt.end(within=PATIENCE) == 0
    until(lambda: not hurt.processes())


def test_told_to_stop_while_it_starts_it_leaves_nothing_running(
    daemon: Callable[..., Daemon],
) -> None:
    stopped = daemon(1_000, tier=1).start()
    until(lambda: stopped.says("starting Ray"))
    assert stopped.end(within=PATIENCE) in (0, INTERRUPTED)
    assert stopped.processes() == []


def test_a_full_disk_is_said_and_it_goes_on_once_there_is_room(
    daemon: Callable[..., Daemon], expected: list[str]
) -> None:
    full = daemon(30_000, outlets=[{"kind": "jsonl", "path": "signals.jsonl"}]).start()
    until(lambda: full.outputs() >= 0.2 * len(expected))
    with full.no_room():
        until(lambda: full.says("trying again") and full.says("disk"))
    until(lambda: len(delivered(full)) >= len(expected))
    assert full.end(within=PATIENCE) == 0
    assert full.rows() == expected
    assert delivered(full) == ids(expected)


def test_it_can_be_looked_at_while_it_runs_and_after(
    daemon: Callable[..., Daemon], expected: list[str], tmp_path: Path
) -> None:
    seen = daemon(30_000, outlets=[]).start()
    until(seen.running)
    with seen.following(tmp_path / "followed.csv"):
        status, doctor = seen.whispr("status"), seen.whispr("doctor")
        until(lambda: seen.outputs() >= len(expected))
        until(lambda: len(lines(tmp_path / "followed.csv")) >= len(expected))
    assert (status.returncode, doctor.returncode) == (0, 0)
    assert "rules/0" in status.stdout
    assert "runs on it" in doctor.stdout
    assert lines(tmp_path / "followed.csv") == expected
    assert seen.end(within=PATIENCE) == 0
    status, doctor = seen.whispr("status"), seen.whispr("doctor")
    assert status.returncode == 1
    assert f"no daemon runs on data folder {seen.data}" in status.stderr
    assert doctor.returncode == 0
    assert "is writable and free" in doctor.stdout
