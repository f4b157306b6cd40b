"""A Ray cluster that is lost is made anew from what the store says."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.integration.daemons import PATIENCE


def test_a_cluster_whose_processes_are_killed_is_made_anew_and_nothing_is_left_of_it(
    repo_root: Path,
) -> None:
    with tempfile.TemporaryDirectory(prefix="l-") as folder:
        ended = subprocess.run(
            [sys.executable, "-m", "tests.integration.ray_lost", folder],
            cwd=repo_root,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    *_, told, after = (json.loads(line) for line in ended.stdout.splitlines() if line[:1] == "{")
    assert told["after"] not in ("", told["before"])
    assert told["left"] == []
    assert after["processes"] == []
