"""The cluster: one of this machine that lives and dies with the daemon, or a standing one."""

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import psutil  # type: ignore[import-untyped]
import structlog

from whispr_daemon.domain.errors import Fatal, SettingsError, Transient

NAMESPACE: Final = "whispr"
_LOOPBACK: Final = "127.0.0.1"
_OBJECT_STORE: Final = 80 * 2**20  # bytes: about the least Ray takes; nothing is ever put in
_LONGEST_BASE: Final = 25  # a unix socket's path ends at 107 bytes, Ray adds up to 82
_ANSWER_WITHIN: Final = 10.0  # seconds
_VITAL: Final = ("gcs_server", "raylet")
_END_WITHIN: Final = 50  # tenths of a second

T = TypeVar("T")


class RayCluster:
    """A connection to Ray, and the only thread that calls it.

    The kernel binds Ray's processes to the *thread* that started them (``PR_SET_PDEATHSIG``), so a
    pool's thread that ends when idle would take the cluster along: one thread opens, calls and
    closes. It is not the main thread, hence ``ray.init`` leaves Python's signal handlers alone.
    """

    def __init__(self, address: str = "", progress: Callable[[str], None] = lambda _: None) -> None:
        """``address`` is ``host:port`` of a standing cluster; without one the daemon has its own.

        ``progress`` is told, from the Ray thread, what is being waited for.
        """
        self._address = address
        self._progress = progress
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ray")
        self._home: Path | None = None  # of our own cluster: its token, sockets and logs
        self._environment: dict[str, str | None] = {}  # what to put back
        self._processes: list[psutil.Process] = []  # of our own cluster, as it began
        self._vital: list[psutil.Process] = []  # those it cannot do without
        self._connected = False
        self._closed = False
        self._journal = structlog.get_logger("whispr.runtime")

    @classmethod
    def inside(cls) -> Self:
        """Return the cluster that this very process is an actor of; it is open already."""
        return cls()

    async def open(self) -> None:
        """Start or join the cluster: 3 to 16 s. After a failure too, :meth:`close` cleans up.

        Raises:
            SettingsError: the address is not one.
            Fatal: Ray did not start, is not there, or is already in use by this process.
        """
        if self._address:
            await _knock(self._address)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connect)
        _take_sigterm_back()

    @property
    def lost(self) -> bool:
        """Whether a process that a cluster of our own cannot do without has ended."""
        return any(not _alive(each) for each in self._vital)

    async def call(self, work: Callable[[], T]) -> T:
        """Run a blocking Ray call.

        Raises:
            Transient: Ray reports a failure of its own, or nothing in 10 s.
        """
        from ray.exceptions import RayError

        answer = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                return await answer
        except TimeoutError as error:
            raise Transient(f"Ray did not answer in {_ANSWER_WITHIN:g} s") from error
        except RayError as error:
            raise Transient(f"Ray: {error}") from error

    async def close(self) -> None:
        """Leave the cluster; if it is ours, end all its processes and remove its files."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    def _connect(self) -> None:
        where = self._address or "this machine"
        if "ray" in sys.modules and sys.modules["ray"].is_initialized():
            raise Fatal("this process is already connected to a Ray cluster; it can be in one only")
        self._progress(f"{'joining' if self._address else 'starting'} Ray on {where}")
        options = self._standing() if self._address else self._own()
        import ray  # only now: it reads the environment when it is imported

        _keep_quiet()
        self._connected = True  # also if it fails half-way: then there is something to clean up
        try:
            found: Any = ray.init(
                namespace=NAMESPACE, log_to_driver=False, configure_logging=False, **options
            )
        except (Exception, SystemExit) as error:
            raise Fatal(f"Ray on {where} cannot be reached or started: {error}") from error
        self._processes = _processes_of(self._home)
        self._vital = [each for each in self._processes if each.name() in _VITAL]
        self._check(found.address_info["node_ip_address"])
        self._progress(f"Ray is up on {where}")

    def _standing(self) -> dict[str, Any]:
        if os.environ.get("RAY_AUTH_MODE") != "token":
            self._journal.warning(
                "Ray cluster without authentication: whoever reaches its ports runs code in it; "
                "start it and whispr with RAY_AUTH_MODE=token",
                address=self._address,
            )
        return {"address": self._address}

    def _own(self) -> dict[str, Any]:
        base = tempfile.gettempdir()
        # Ray makes its own folder writable to the world: it goes into one that is closed (0700).
        self._home = Path(
            tempfile.mkdtemp(
                prefix="whispr-",
                dir=base if len(base) <= _LONGEST_BASE else "/tmp",  # noqa: S108
            )
        )
        token = self._home / "token"
        with open(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        self._set_environment(
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN_PATH=str(token),
            RAY_USAGE_STATS_ENABLED="0",
            # Without it every port is open on all interfaces, whatever the node's address.
            RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
            # Hosts would be the last to get a busy processor: Ray makes its workers 15 nicer.
            RAY_worker_niceness="0",
            # Every question of the supervisor would be remembered, 100,000 of them.
            RAY_task_events_report_interval_ms="0",
        )
        return {
            "address": "local",
            "_node_ip_address": _LOOPBACK,
            "_temp_dir": str(self._home / "r"),
            "include_dashboard": False,
            "num_cpus": 1,  # actors ask for none; one spare worker is kept warm for restarts
            "object_store_memory": _OBJECT_STORE,
        }

    def _set_environment(self, **variables: str) -> None:
        self._environment = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        if "ray" in sys.modules:  # a second cluster in one process: Ray remembers the first token
            from ray import _raylet

            tokens: Any = _raylet
            tokens.AuthenticationTokenLoader.instance().reset_cache()

    def _check(self, node_address: str) -> None:
        if self._home is not None and node_address != _LOOPBACK:
            raise Fatal(
                f"Ray listens on {node_address}, wanted {_LOOPBACK}: something imported ray "
                "before the cluster was opened, so it did not see its settings"
            )

    def _disconnect(self) -> None:
        # Those of a raylet that was killed are nobody's children any more.
        processes = list({*self._processes, *_processes_of(self._home)})
        if self.lost:
            _kill(processes)  # what is left of it waits for nothing
        try:
            if self._connected:
                import ray

                self._connected = False
                ray.shutdown(wait_for_processes=True)
        finally:
            self._end(processes)
            for name, value in self._environment.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            if self._home is not None:
                shutil.rmtree(self._home, ignore_errors=True)

    def _end(self, processes: Sequence[psutil.Process]) -> None:
        """See them gone. A stopped process does not notice that its cluster has."""
        for process in _wait(processes):
            self._journal.warning("Ray process did not end, killing it", process=process.pid)
            _kill([process])
        for process in _wait(processes):
            self._journal.error("Ray process cannot be killed", process=process.pid)


async def _knock(address: str) -> None:
    """Make sure that somebody listens: Ray itself tries for minutes, printing what it tries."""
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdigit():
        raise SettingsError(
            f"Ray address {address!r}: give host:port of the cluster's head (as 'ray start' prints "
            "it), or none to start Ray on this machine"
        )
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, OverflowError) as error:
        raise Fatal(
            f"no Ray cluster at {address}: {str(error) or 'no answer'}; start one there "
            "('ray start --head'), or give no address to start Ray on this machine"
        ) from error
    writer.close()


def _processes_of(home: Path | None) -> list[psutil.Process]:
    """Return our children that Ray's folder is named to, with all their descendants."""
    found: list[psutil.Process] = []
    if home is None:
        return found
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(str(home) in argument for argument in child.cmdline()):
                found += [child, *child.children(recursive=True)]
    return found


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _wait(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return who is still there after 5 s. A zombie of another parent counts as gone."""
    left = list(processes)
    for _ in range(_END_WITHIN):
        left = [process for process in left if _alive(process)]
        if not left:
            break
        psutil.wait_procs(left, timeout=0.1)
    return left


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _keep_quiet() -> None:
    """Keep Ray off stdout, where signals are printed, and off stderr below an error.

    ``log_to_driver=False`` does not cover it: "A worker died …" goes to the driver's stdout.
    """
    from ray._private import worker

    worker._worker_logs_enabled = False  # noqa: SLF001 - Ray has no public switch
    logging.getLogger("ray").setLevel(logging.ERROR)


def _take_sigterm_back() -> None:
    """Undo Ray's C++ handler, which prints a stack trace on SIGTERM before it calls Python's."""
    if threading.current_thread() is not threading.main_thread():
        return
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None:
        signal.signal(signal.SIGTERM, handler)
