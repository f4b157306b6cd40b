"""Runs ``ops/chaos`` as a user would, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def chaos(repo_root: Path, report: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run it; return its exit status and report."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *arguments, "--report", str(report)],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), ended.stderr
    return ended.returncode, json.loads(report.read_text())
