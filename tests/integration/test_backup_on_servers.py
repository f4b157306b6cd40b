"""A daemon moved from files to servers and back by backups, each made while it runs and is killed.

Once for both ways: a daemon of tier 1 takes long to start.
"""

import json
import logging
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from typer.testing import CliRunner

from tests.integration import half_done
from tests.integration.daemons import PATIENCE, Daemon, until
from tests.integration.recordings import record
from tests.integration.replays import COMMAND
from whispr_daemon.cli import app

pytestmark = pytest.mark.timeout(300)  # whole daemons, on a machine that has other work, too
SESSIONS = 2
SPEED = 30_000
SLOWLY = 2_000
SETTINGS: dict[str, Any] = {
    "strategies": [{"plugin": "ema_cross"}],
    "health": {"port": 0},
    "snapshot_seconds": 0.3,
    "idle_commit_seconds": 0.1,
    "partitions": 2,
    "outlets": [{"kind": "jsonl", "path": "signals.jsonl"}],
}
Make = Callable[..., Daemon]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """Minute bars of a simulated market with daily bars: flags of a source."""
    files = await record(tmp_path_factory.mktemp("recorded"), SESSIONS)
    return ["--source", files.minutes, "--history", files.days]


@pytest.fixture
def make(recorded: list[str | Path], repo_root: Path) -> Iterator[Make]:
    """A maker of daemons on the recorded market, each in a folder of its own."""
    made: list[Daemon] = []

    def one(speed: int, **more: object) -> Daemon:
        # Not pytest's folder: it is private to root, and the Postgres of root's is another user's.
        folder = Path(tempfile.mkdtemp(prefix="w-"))
        folder.chmod(0o755)
        settings = {**SETTINGS, "rules": {"dir": str(repo_root / "config" / "rules")}, **more}
        made.append(Daemon(folder, settings, *recorded, "--speed", str(speed)))
        return made[-1]

    yield one
    for each in made:
        each.discard()
        shutil.rmtree(each.folder)


@pytest.fixture
def expected(recorded: list[str | Path], repo_root: Path, tmp_path: Path) -> list[str]:
    """What a daemon says whom nobody disturbs."""
    flags = ["--rules", repo_root / "config" / "rules", "--strategy", "ema_cross"]
    ended = subprocess.run(
        [*COMMAND, "replay", *map(str, [*recorded[1:], *flags]), "--format", "csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return sorted(ended.stdout.splitlines()[1:])


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands in this process set logging up; afterwards it is as before."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def killed(daemon: Daemon, what: str, *arguments: str) -> None:
    """Run a command of a daemon's that dies when it is at ``what``."""
    config = ["--config", str(daemon.folder / "whispr.yaml")]
    ended = subprocess.run(
        [sys.executable, half_done.__file__, what, *arguments, *config],
        cwd=daemon.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def done(daemon: Daemon, *arguments: str) -> None:
    """Run a command of a daemon's that must succeed."""
    ended = daemon.whispr(*arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def here(*arguments: str, status: int = 0) -> str:
    """Run a command in this process, which costs less; return what it says, or why not."""
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == status, (ended.output, ended.exception)
    return ended.stderr if status else ended.stdout


def verified(data: Path) -> set[str]:
    """What `whispr verify` says of the units."""
    told = here("verify", "--data", str(data), "--format", "json")
    return {each["verdict"] for each in json.loads(told)}


def rows(data: Path) -> list[str]:
    """What is durable as rows of CSV, sorted."""
    told = here("signals", "-n", "100000", "--format", "csv", "--data", str(data))
    return sorted(told.splitlines()[1:])


def delivered(daemon: Daemon) -> list[str]:
    """The ids in the file of JSON lines, sorted, each as often as it is there."""
    lines = daemon.said.read_text().splitlines() if daemon.said.exists() else []
    return sorted(json.loads(line)["output"]["id"] for line in lines if line.endswith("}"))


def test_moved_to_servers_and_back_it_says_the_same_as_if_nobody_had_touched_it(
    make: Make, expected: list[str]
) -> None:
    files, servers, again = make(SPEED), make(SLOWLY, tier=1), make(SPEED)
    first, second = str(files.folder / "first"), str(servers.folder / "second")

    files.start()
    until(lambda: files.outputs() > len(expected) // 5)
    done(files, "backup", first)
    files.kill()

    killed(servers, "rows of log 1", "restore", first)
    assert "is half of a backup" in here("run", "--data", str(servers.data), status=2)
    done(servers, "restore", first)  # begins anew
    assert verified(servers.data) == {"same"}  # its servers run meanwhile
    shutil.copy(files.said, servers.said)  # what was delivered stays so

    servers.start()
    until(servers.running)
    said = servers.outputs()
    until(lambda: servers.outputs() > said)
    killed(servers, "rows of the store: output", "backup", second)
    assert not Path(second).exists()
    (half,) = servers.folder.glob(".second.*.partial")
    told = here("restore", str(half), "--data", str(again.data), status=2)
    assert "is no backup" in told
    done(servers, "backup", second)
    assert verified(Path(second)) == {"same"}
    assert not half.exists()  # the next one cleared it away
    servers.kill()

    done(again, "restore", second)
    shutil.copy(servers.said, again.said)
    again.start()
    until(again.running)
    until(lambda: len(rows(again.data)) >= len(expected))
    until(lambda: len(delivered(again)) >= len(expected))
    assert again.end(within=30) == 0
    assert rows(again.data) == expected
    assert delivered(again) == sorted(row.rpartition(",")[2] for row in expected)
    assert verified(again.data) == {"same"}
