"""Runs ``whispr replay`` as a user would, in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

COMMAND = (sys.executable, "-m", "whispr_daemon")


def start(arguments: Sequence[str | Path], folder: Path) -> subprocess.Popen[str]:
    """Start a replay with ``folder`` as its working directory."""
    return subprocess.Popen(
        [*COMMAND, "replay", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(replay: "subprocess.Popen[str]") -> str:
    """Return what a replay wrote; it must have ended well."""
    said, complained = replay.communicate(timeout=180)
    assert replay.returncode == 0, complained
    return said
