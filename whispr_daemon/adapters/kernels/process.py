"""The process that compiles: numba holds the interpreter for a second a kernel, so not in ours."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from whispr_daemon.adapters.kernels import build

_SHOWN: Final = 1_000  # characters of what it said last


class EndedError(Exception):
    """The process ended before it answered; the message says how."""


class BuildProcess:
    """Compiles modules of a folder, one after the other. It ends when it is closed or killed."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        # A pipe that nobody reads fills up.
        self._complaints = TemporaryFile()  # noqa: SIM115 (it is closed with the process)
        self._process = subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-m", build.__name__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )

    def build(self, name: str) -> str:
        """Compile a module into numba's cache; return why it cannot be, empty if it is done.

        Raises:
            EndedError: the process was killed, or died.
        """
        assert self._process.stdin is not None  # noqa: S101 (a pipe was asked for)
        assert self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write(f"{name}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise EndedError(f"status {self._process.wait()}: {self._last_words()}")
        return answer.strip()

    def kill(self) -> None:
        """End it now; who waits for it in :meth:`build` is told so."""
        self._process.kill()

    def close(self) -> None:
        """Let it end, and wait until it has."""
        with self._complaints:
            self._process.communicate()

    def _last_words(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read().decode(errors="replace")[-_SHOWN:]
