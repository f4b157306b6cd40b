"""A whole daemon as an operator has it: a process on a data folder, watched from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import psutil  # type: ignore[import-untyped]

from tests.integration.replays import COMMAND
from whispr_daemon.bootstrap.folder import DataFolder, Running

PATIENCE = 180.0  # seconds: it only bounds what fails
GLANCE = 0.1  # seconds between looks, each of which is work for the daemon, too
_REPO = Path(__file__).resolve().parents[2]
_CHANGED = """
import sys
sys.path.insert(0, {repo!r})
import {module}
from whispr_daemon.cli import main
{module}.{call}
main()
"""


def changed_by(module: str, call: str) -> Sequence[str]:
    """Return what starts ``whispr`` in a process in which a module of the tests did this before."""
    return (sys.executable, "-c", _CHANGED.format(repo=str(_REPO), module=module, call=call))


def until(what: Callable[[], object], within: float = PATIENCE) -> float:
    """Wait until something holds; return the seconds it took."""
    began = time.monotonic()  # noqa: TID251 - processes keep real time
    while not what():
        passed = time.monotonic() - began  # noqa: TID251
        assert passed < within, f"not so after {within:g} s"
        time.sleep(GLANCE)  # noqa: TID251
    return time.monotonic() - began  # noqa: TID251


class Daemon:
    """``whispr run`` with settings in a folder of its own, which it may be started on again."""

    command: Sequence[str] = COMMAND  # what starts ``whispr``
    environment: Mapping[str, str] = MappingProxyType({})  # beside that of this process

    def __init__(self, folder: Path, settings: Mapping[str, Any], *arguments: str | Path) -> None:
        """``arguments`` are those of ``run``, beyond the settings' file."""
        self.folder = folder
        self.data = folder / "data"
        self.said = folder / "signals.jsonl"
        self.config = folder / "whispr.yaml"
        self.config.write_text(json.dumps({**settings, "data": str(self.data)}))
        self._arguments = [str(each) for each in arguments]
        self._errors = folder / "errors.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it; it is not up yet."""
        command = [*self.command, "run", "--config", str(self.config), *self._arguments]
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={
                    **os.environ,
                    **self.environment,
                    "TMPDIR": str(self.folder),  # marks all its processes
                },
            )
        return self

    @property
    def errors(self) -> str:
        """All it wrote on standard error, in all its runs."""
        return self._errors.read_text()

    def says(self, text: str) -> bool:
        """Whether it, which runs, has written this on standard error."""
        assert self.poll() is None, self.errors[-2000:]
        return text in self.errors

    def poll(self) -> int | None:
        """Return its exit status, None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def running(self) -> Running | None:
        """Return what it says of itself, None before it is up."""
        assert self.poll() is None, self.errors[-2000:]
        return DataFolder(self.data).running()

    def status(self) -> dict[str, Any]:
        """Return how its hosts stand, nothing while it does not answer."""
        found = self.running()
        if found is None:
            return {}
        try:
            with urllib.request.urlopen(f"{found.health_url}/status", timeout=5) as answer:
                told: dict[str, Any] = json.load(answer)
        except (OSError, ValueError):
            return {}
        return told

    def hosts(self) -> list[dict[str, Any]]:
        """Return the hosts that have reported."""
        return [host for host in self.status().get("hosts", ()) if host["report"]]

    def outputs(self) -> int:
        """Return how many outputs are durable, as far as the units have told."""
        return sum(unit["outputs"] for host in self.hosts() for unit in host["report"]["units"])

    def kill(self) -> None:
        """End it without asking."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self, within: float) -> int:
        """Send SIGTERM; return the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def discard(self) -> None:
        """End whatever is left of it."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process is not None:
            self.process.wait()
        until(lambda: not self.processes())

    def whispr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same data folder."""
        return subprocess.run(
            [*COMMAND, *arguments, "--config", str(self.config)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def rows(self) -> list[str]:
        """Return what is durable as rows of CSV, sorted."""
        ended = self.whispr("signals", "-n", "100000", "--format", "csv")
        assert ended.returncode == 0, ended.stderr
        return sorted(ended.stdout.splitlines()[1:])

    @contextlib.contextmanager
    def following(self, rows: Path) -> Iterator[None]:
        """Run ``whispr signals --follow`` beside it, writing to a file."""
        command = [*COMMAND, "signals", "--follow", "--format", "csv", "-n", "100000"]
        with (
            rows.open("wb") as out,
            subprocess.Popen([*command, "--config", str(self.config)], stdout=out) as follower,
        ):
            try:
                yield
            finally:
                follower.send_signal(signal.SIGINT)

    @contextlib.contextmanager
    def no_room(self, room: int | None = None) -> Iterator[None]:
        """Let it write no file beyond ``room`` bytes: what a full disk is to a program.

        None: what its largest file has.
        """
        assert self.process is not None
        if room is None:
            room = max(each.stat().st_size for each in self.data.iterdir())
        process = psutil.Process(self.process.pid)
        before = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (room, before[1]))
        try:
            yield
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):  # it was killed meanwhile
                process.rlimit(psutil.RLIMIT_FSIZE, before)

    def processes(self) -> list[psutil.Process]:
        """Return every process that is its own: itself, servers, cluster, actors."""
        return [each for each in psutil.process_iter() if self._owns(each)]

    def server(self, program: str) -> psutil.Process:
        """Return the server of its own that runs this program."""
        (found,) = [
            each
            for each in self.processes()
            if program in each.name() and str(self.data) in " ".join(each.cmdline())
        ]
        return found

    def _owns(self, process: psutil.Process) -> bool:
        mine = str(self.folder)
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                return False
            told = process.environ().get("TMPDIR") == mine
            return told or any(mine in word for word in process.cmdline())
        except psutil.Error:
            return False
