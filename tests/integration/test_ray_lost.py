"""A Ray cluster that is lost is made anew from what the store says.

It takes half a minute, so it is asked for: ``WHISPR_LONG=1 ops/test -k test_ray_lost``.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


@pytest.mark.skipif("WHISPR_LONG" not in os.environ, reason="long; set WHISPR_LONG=1")
def test_a_cluster_whose_processes_are_killed_is_made_anew_and_nothing_is_left_of_it(
    repo_root: Path,
) -> None:
    with tempfile.TemporaryDirectory(prefix="l-") as folder:
        ended = subprocess.run(
            [sys.executable, "-m", "tests.integration.ray_lost", folder],
            cwd=repo_root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    *_, told, after = (json.loads(line) for line in ended.stdout.splitlines() if line[:1] == "{")
    assert told["after"] not in ("", told["before"])
    assert told["left"] == []
    assert after["processes"] == []
