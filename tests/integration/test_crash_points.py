"""The whole daemon on tier 0 dies at every named point, one after the other; it says the same."""

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from rich.console import Console

from tests.integration.recordings import record
from whispr_daemon import log
from whispr_daemon.bootstrap.assembly import assembled
from whispr_daemon.domain.errors import Fatal
from whispr_daemon.domain.outputs import encode
from whispr_daemon.engine import crash
from whispr_daemon.settings import Settings

# Processes are forked from one that has all modules: each lives for some tenths of a second.
PROCESSES: Final = multiprocessing.get_context("forkserver")
PACE: Final = 20_000  # times faster than the market: a session in 1.2 s
PATIENCE: Final = 30  # seconds


def _live(settings: Mapping[str, Any], crash_at: str, said: Path) -> None:
    """Run a daemon to the end of its source; write what it said, unless it dies before that."""
    os.environ[crash.VARIABLE] = crash_at
    log.configure("critical", "json", None)
    told = asyncio.run(_run(Settings(**settings)))
    said.write_text(json.dumps(told))


async def _run(settings: Settings) -> list[Any]:
    async with assembled(settings, Console(quiet=True)) as made:
        await made.daemon.run(to_end=True)
        outputs = await made.ports.store.outputs({}, 100_000)
        marks = await made.ports.store.marks()
    told = [[each.unit_id, each.out_seq, encode(each.output).decode()] for each in outputs]
    hashes = {unit: mark.out_hash for unit, mark in marks.items()}
    return [told, sorted(hashes.items())]


class Daemon:
    """A data folder, on which one process after the other lives and dies."""

    def __init__(self, folder: Path, minutes: Path) -> None:
        self.said = folder / "said.json"
        self.sent = folder / "sent.jsonl"
        self._settings = {
            "data": folder / "data",
            "partitions": 2,
            "rules": {"dir": None},
            "strategies": [{"plugin": "ema_cross", "params": {"fast": 3, "slow": 8}}],
            "source": {"kind": "files", "paths": [minutes], "speed": PACE},
            "outlets": [{"kind": "jsonl", "path": self.sent}],
            "health": {"port": 0},
            "snapshot_seconds": 0.1,
            "idle_commit_seconds": 0.05,
        }

    def live(self, crash_at: str = "") -> int | None:
        """Run it until it ends or dies; return the exit status."""
        process = PROCESSES.Process(target=_live, args=(self._settings, crash_at, self.said))
        process.start()
        process.join(PATIENCE)
        return process.exitcode

    def delivered(self) -> list[str]:
        """Return the ids that were sent, in order."""
        lines = self.sent.read_text().splitlines()
        return [json.loads(line)["output"]["id"] for line in lines]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of minute bars, some of them bad."""
    PROCESSES.set_forkserver_preload([__name__])
    return (await record(tmp_path_factory.mktemp("recorded"), sessions=1, bad_every=70)).minutes


@pytest.fixture(scope="module")
def undisturbed(minutes: Path, tmp_path_factory: pytest.TempPathFactory) -> Daemon:
    """A daemon that nobody has disturbed."""
    daemon = Daemon(tmp_path_factory.mktemp("undisturbed"), minutes)
    assert daemon.live() == 0
    return daemon


def test_killed_at_one_point_after_the_other_it_says_the_same(
    undisturbed: Daemon, minutes: Path, tmp_path: Path
) -> None:
    killed = Daemon(tmp_path, minutes)
    ends = {point: killed.live(point) for point in crash.POINTS}
    assert ends == dict.fromkeys(crash.POINTS, -signal.SIGKILL)
    assert killed.live() == 0
    assert killed.said.read_text() == undisturbed.said.read_text()
    assert sorted(killed.delivered()) == sorted(undisturbed.delivered())
    assert len(set(killed.delivered())) == len(killed.delivered()) > 50


def test_a_point_passed_before_kills_no_more_and_with_a_mark_only_one_process(
    undisturbed: Daemon, minutes: Path, tmp_path: Path
) -> None:
    killed = Daemon(tmp_path, minutes)
    mark = tmp_path / "died"
    assert killed.live(f"after_commit:3@{mark}") == -signal.SIGKILL
    assert mark.exists()
    assert killed.live(f"after_commit:3@{mark}") == 0
    assert killed.said.read_text() == undisturbed.said.read_text()
    assert sorted(killed.delivered()) == sorted(undisturbed.delivered())


def test_every_point_named_is_in_the_engine_once_and_no_other(repo_root: Path) -> None:
    engine = repo_root / "whispr_daemon" / "engine"
    text = "".join(each.read_text() for each in engine.glob("*.py") if each.stem != "crash")
    asked = [part.partition('"')[0] for part in text.split('crash_here("')[1:]]
    assert sorted(asked) == sorted(crash.POINTS)


@pytest.mark.parametrize("wrong", ["nowhere", "before_commit:0", "before_commit:two"])
def test_a_point_that_there_is_not_is_told_with_those_there_are(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(crash.VARIABLE, wrong)
    crash._awaited.cache_clear()
    with pytest.raises(Fatal, match=f"WHISPR_CRASH_AT is '{wrong}'.*POINT:N.*before_commit"):
        crash.crash_here("before_commit")
    crash._awaited.cache_clear()
