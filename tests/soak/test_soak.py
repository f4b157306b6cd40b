"""The short form of ``ops/soak``: a daemon of one process for a few seconds."""

import json
import subprocess
import sys
from pathlib import Path


def test_a_daemon_is_fed_watched_and_judged(repo_root: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    command = [sys.executable, "-m", "tests.soak", "--minutes", "0.05", "--rate", "500"]

    ended = subprocess.run(
        [*command, "--report", str(file)],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert file.exists(), ended.stderr
    report = json.loads(file.read_text())
    figures = report["figures"]
    assert {"memory daemon", "files daemon", "threads daemon", "lag"} < set(figures)
    assert {"size log", "size log WAL", "size store", "size store WAL"} < set(figures)
    assert figures["memory daemon"]["last"] > 2**20
    assert figures["size log"]["last"] > 500 * 56
    assert report["events_per_second"] > 0
    assert ended.returncode == (1 if report["wrong"] else 0)
