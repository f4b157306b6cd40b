"""What both embedded servers share: a folder of their own, a process, a port, a password."""

import asyncio
import errno
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from whispr_daemon.adapters.embedded import launch
from whispr_daemon.domain.errors import Fatal, SettingsError
from whispr_daemon.ports.clock import Clock

HOST: Final = "127.0.0.1"
_POLL: Final = 0.05  # seconds between two looks at a process
_LOG_LINES: Final = 12
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: ``url`` carries no password, which is handed to the client apart.

    ``asyncpg.connect(server.url, password=server.password)``,
    ``redis.asyncio.Redis.from_url(server.url, password=server.password)``.
    """

    url: str
    password: str = field(repr=False)


class Folder:
    """A server's folder: who holds it, its password, its port and its log outlive a restart."""

    def __init__(self, path: Path) -> None:
        """``path`` is made if it is missing."""
        self.path = path
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Hold the folder until :meth:`release` or the end of this process.

        Raises:
            SettingsError: another daemon holds it, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+")
        except OSError as error:
            raise SettingsError(
                f"cannot write {self.path}: {error.strerror}; "
                "give a data folder this user may write to"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise SettingsError(
                f"{self.path} is in use by another daemon; stop it or give another data folder"
            ) from error
        self._lock = lock

    def release(self) -> None:
        """Let the folder go."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def log(self) -> Path:
        """Return the path of the server's log."""
        return self.path / "server.log"

    def begin_log(self) -> None:
        """Put the log of the run before aside: it may say why that run ended."""
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))

    def log_tail(self) -> str:
        """Return the last lines of the server's log."""
        if not self.log.exists():
            return "(no log)"
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\n".join(lines) or "(empty log)"

    def password(self) -> str:
        """Return the password, drawn at the first call and kept in a file of mode 0600."""
        path = self.path / "password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32))
        return path.read_text().strip()

    def port(self) -> int:
        """Return the port of the last start if it is free, else another, remembered from now on."""
        path = self.path / "port"
        remembered = path.read_text().strip() if path.exists() else ""
        if remembered.isdigit() and _bindable(int(remembered)):
            return int(remembered)
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        write_private(path, str(port))
        return port


class ServerProcess:
    """One child process that writes to the folder's log and does not outlive this process.

    On Linux the kernel sends it ``stop_signal`` when the thread that started it ends, so start it
    from the thread the loop runs in. It gets its own session: a Ctrl-C at the terminal is for the
    daemon, which needs its servers until its last commit.
    """

    def __init__(self, clock: Clock, stop_signal: signal.Signals) -> None:
        """``stop_signal`` asks the server for a clean shutdown."""
        self._clock = clock
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self, command: Sequence[str], log: Path, account: tuple[int, int]) -> None:
        """Start ``command`` as the (uid, gid) ``account``, its output appended to ``log``."""
        launcher = [sys.executable, "-I", "-S", launch.__file__]
        tie = [str(os.getpid()), str(int(self._stop_signal)), *map(str, account)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                [*launcher, *tie, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                # Nothing of ours: PGOPTIONS and the like would change what the server does.
                env={"PATH": os.defpath, "LC_ALL": "C"},
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """Return the process id, None before :meth:`spawn`."""
        return None if self._process is None else self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Return the exit status, None while it runs (or was never started)."""
        return None if self._process is None else self._process.poll()

    async def wait(self) -> int:
        """Return the exit status once the process has ended."""
        while (status := self.exit_status) is None:
            await self._clock.sleep(_POLL)
        return status

    async def stop(self, patience: float) -> None:
        """Ask for a clean shutdown; after ``patience`` seconds kill. Returns when it is gone."""
        if self._process is None:
            return
        if self.exit_status is None:
            self._process.send_signal(self._stop_signal)
        try:
            async with asyncio.timeout(patience):
                await self.wait()
        except TimeoutError:
            self._process.kill()
            await self.wait()
        self._process = None


async def stop_leftover(
    clock: Clock, pid_file: Path, marker: str, stop_signal: signal.Signals, patience: float
) -> None:
    """End a server that an earlier daemon left running on this folder.

    ``marker`` must be one of the words of its command line, else the number in ``pid_file`` has
    gone to somebody else's process, which is left alone.
    """
    pid = _leftover(pid_file, marker)
    if pid is None:
        return
    for ask, seconds in ((stop_signal, patience), (signal.SIGKILL, 5.0)):
        if _is_ours(pid, marker):
            os.kill(pid, ask)
        try:
            async with asyncio.timeout(seconds):
                while _is_ours(pid, marker):
                    await clock.sleep(_POLL)
        except TimeoutError:
            continue
        return
    raise Fatal(f"process {pid} of {marker} does not end; kill it and start again")


def _leftover(pid_file: Path, marker: str) -> int | None:
    """Return the process the file names, if it lives and is ours.

    The file is removed if its number is somebody else's now: the server would take that for a
    living server of this folder. If nobody has the number the file stays: Postgres finds in it the
    shared memory that children of a killed server may still hold.
    """
    if not pid_file.exists():
        return None
    first = (pid_file.read_text().splitlines() or [""])[0].strip()
    if not first.isdigit() or not _exists(int(first)):
        return None
    if _is_ours(int(first), marker):
        return int(first)
    pid_file.unlink(missing_ok=True)
    return None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; a crash leaves the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: connections of the last run in TIME_WAIT do not hinder.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True


def _is_ours(pid: int, marker: str) -> bool:
    """Say whether the command line of ``pid`` has the word; a zombie has no command line."""
    if _PROC.is_dir():
        try:
            words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(marker) in words
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, check=False
    )
    return os.fsencode(marker) in shown.stdout
