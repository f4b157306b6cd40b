"""Looks at a daemon from outside: its processes, files, servers and figures."""

import asyncio
import contextlib
import re
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import asyncpg
import psutil  # type: ignore[import-untyped]
from redis import Redis

from tests.integration.daemons import Daemon
from whispr_daemon.bootstrap.folder import Running

_POSTGRES: Final = """
SELECT pg_database_size(current_database()), (SELECT sum(size) FROM pg_ls_waldir()),
       pg_total_relation_size('output'), pg_total_relation_size('snapshot')
"""
_OF_SEVERAL: Final = ("postgres", "valkey-server")  # what is made of processes that share data
_SAMPLE: Final = re.compile(r"^(whispr_\w+)(?:\{[^}]*\})? (\S+)$", re.MULTILINE)

Sizes = Mapping[str, float]  # bytes by what


class Watcher:
    """One daemon that is up. Used as a context: it holds connections to the daemon's servers."""

    def __init__(self, daemon: Daemon, tier: int) -> None:
        self._daemon, self._tier = daemon, tier
        self._runner = asyncio.Runner()
        self._postgres: asyncpg.Connection | None = None
        self._valkey: Redis | None = None

    def __enter__(self) -> Self:
        """Connect."""
        running = self._running()
        if self._tier:
            redis, postgres = (
                (self._daemon.data / name / "password").read_text().strip()
                for name in ("valkey", "postgres")
            )
            self._valkey = Redis.from_url(running.redis_url, password=redis)
            self._postgres = self._runner.run(
                asyncpg.connect(running.postgres_url, password=postgres)
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go."""
        if self._valkey is not None:
            self._valkey.close()
        if self._postgres is not None:
            self._postgres.terminate()
        self._runner.close()

    def figures(self) -> Counter[str]:
        """Return the figures of all its processes by name, summed over their labels.

        Empty while it does not answer.
        """
        found: Counter[str] = Counter()
        with contextlib.suppress(OSError):
            url = f"{self._running().health_url}/metrics"
            with urllib.request.urlopen(url, timeout=10) as answer:
                text = answer.read().decode()
            for name, value in _SAMPLE.findall(text):
                found[name] += float(value)
        return found

    def processes(self) -> Mapping[str, Sizes]:
        """Return memory, open files and threads of its processes by name.

        Processes of one name count together, as the backends of Postgres.
        """
        found: dict[str, Counter[str]] = {}
        for name, process in self._named():
            with contextlib.suppress(psutil.Error):
                one = {
                    "memory": _memory(process, shared=name in _OF_SEVERAL),
                    "files": process.num_fds(),
                    "threads": process.num_threads(),
                }
                found.setdefault(name, Counter()).update(one)
        return found

    def cpu(self) -> Mapping[str, float]:
        """Return the CPU seconds that its processes have taken so far, by name."""
        found: dict[str, float] = {}
        for name, process in self._named():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                taken = times.user + times.system
                if name in _OF_SEVERAL:  # a fork that has ended, such as one that rewrites a log
                    taken += times.children_user + times.children_system
                found[name] = found.get(name, 0.0) + taken
        return found

    def sizes(self) -> Sizes:
        """Return what it keeps, in bytes by what; ``outputs`` are part of the store."""
        data = self._daemon.data
        found: dict[str, float] = {"journal": len(self._daemon.errors)}
        if self._postgres is None or self._valkey is None:
            files = {
                "log": "log.db",
                "log WAL": "log.db-wal",
                "store": "store.db",
                "store WAL": "store.db-wal",
            }
            return found | {what: _size(data / name) for what, name in files.items()}
        store, wal, outputs, snapshots = self._runner.run(self._postgres.fetchrow(_POSTGRES))
        memory: Any = self._valkey.info("memory")
        return found | {
            "store": store,
            "store WAL": wal,
            "outputs": outputs,
            "snapshots": snapshots,
            "log": memory["used_memory"],
            "log AOF": sum(_size(each) for each in (data / "valkey").rglob("*.aof")),
        }

    def _named(self) -> list[tuple[str, psutil.Process]]:
        """Return the daemon and all it has started, servers and cluster too, by name."""
        assert self._daemon.process is not None
        hosts = {host["report"]["pid"]: host["host_id"] for host in self._daemon.hosts()}
        daemon = psutil.Process(self._daemon.process.pid)
        found = []
        for process in (daemon, *daemon.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                found.append((self._name(process, hosts), process))
        return found

    def _running(self) -> Running:
        running = self._daemon.running()
        assert running is not None, "it does not say where it is"
        return running

    def _name(self, process: psutil.Process, hosts: Mapping[int, str]) -> str:
        assert self._daemon.process is not None
        words = process.cmdline() or [process.name()]
        title = words[0]
        if process.pid == self._daemon.process.pid:
            return "daemon"
        if process.pid in hosts:
            return f"host {hosts[process.pid]}"
        if title.startswith("postgres:") or title.endswith("/postgres"):
            return "postgres"
        if title.startswith("ray::"):
            return title.partition(".")[0]  # what it is doing follows
        if title.startswith("valkey"):
            return "valkey-server"  # and what it forks to rewrite its file
        if "-m" in words[:-1]:
            return words[words.index("-m") + 1].rpartition(".")[2]
        scripts = [Path(word).name for word in words if word.endswith(".py")]
        return scripts[0] if scripts else Path(title).name


def _memory(process: psutil.Process, *, shared: bool) -> int:
    """Return its resident bytes; of pages it shares with others of its name its part alone.

    That part (PSS) moves with what others on the machine have of the same libraries, so it is
    asked for only where processes share data.
    """
    found = process.memory_full_info().pss if shared else process.memory_info().rss
    return int(found)


def _size(file: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_size
    return 0
