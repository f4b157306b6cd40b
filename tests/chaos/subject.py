"""The daemon under test, as the harness has it: started, hurt, watched until it is well again."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import psutil  # type: ignore[import-untyped]
from redis import Redis
from redis.exceptions import RedisError

from tests.chaos.checker import Delivery
from tests.chaos.market import RULES, SESSION_SECONDS, STRATEGY, Market, all_outputs
from tests.integration.daemons import Daemon
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.domain.outputs import encode
from whispr_daemon.ports.store import StoredOutput

PATIENCE: Final = 90.0  # seconds without recovery, or without progress, that are given up on
STALL: Final = 8.0  # seconds without progress after which a host is killed
_STOP_WITHIN: Final = 40.0  # seconds
_LOOK_EVERY: Final = 0.03  # seconds
_LAG: Final = int(3 * 390 / SESSION_SECONDS)  # rows of a second: who is less behind has caught up
_MUTANT: Final = Path(__file__).with_name("mutant.py")
_SIGNALS: Final = "whispr:SIGNALS"

_LINE: Final = msgspec.json.Decoder(StoredOutput)


class Stuck(Exception):
    """The daemon ended by itself, or did not get well in time; the message says which."""


def pause(seconds: float) -> None:
    """Let real time pass."""
    time.sleep(seconds)  # noqa: TID251 - processes keep real time


class Servers(NamedTuple):
    """The harness's servers, by setting (postgres, redis)."""

    told: Mapping[str, Server]  # where the daemon is told they are
    direct: Mapping[str, Server]  # where they are


class Subject:
    """One daemon on a folder of its own, with a recording outlet."""

    def __init__(
        self,
        tier: int,
        market: Market,
        folder: Path,
        servers: Servers | None = None,
        mutant: str = "",
    ) -> None:
        """``servers`` are the harness's; None: the daemon starts its own on tier 1."""
        self.tier = tier
        self.market = market
        self.servers = servers
        self.folder = folder
        port = _free_port()
        self._url = f"http://127.0.0.1:{port}"
        settings = {
            "tier": tier,
            "strategies": [{"plugin": STRATEGY}],
            "rules": {"dir": str(RULES)},
            "health": {"port": port},
            "snapshot_seconds": 0.5,
            "idle_commit_seconds": 0.1,
            "stall_seconds": STALL,
            "outlets": [{"kind": "redis"} if tier else {"kind": "jsonl", "path": "signals.jsonl"}],
            **{
                name: {"url": server.url, "password": server.password}
                for name, server in (servers.told if servers else {}).items()
            },
        }
        speed = str(round(390 * 60 / SESSION_SECONDS))
        self.daemon = Daemon(self.folder, settings, *market.flags, "--speed", speed)
        if mutant:
            self.daemon.command = (sys.executable, str(_MUTANT), mutant)

    def start(self) -> None:
        """Start the daemon; it is not up yet."""
        self.daemon.start()

    def stop(self) -> None:
        """Stop it cleanly.

        Raises:
            Stuck: it did not stop, or not with status 0.
        """
        try:
            status = self.daemon.end(within=_STOP_WITHIN)
        except subprocess.TimeoutExpired as error:
            raise Stuck(f"told to stop, it had not ended {_STOP_WITHIN:g} s later") from error
        if status != 0:
            raise Stuck(f"told to stop, it ended with status {status}, not 0")

    def status(self) -> dict[str, Any]:
        """Return how its hosts stand, nothing while it does not answer.

        Raises:
            Stuck: it has ended, and nobody killed it.
        """
        ended = self.daemon.poll()
        if ended is not None:
            last = " | ".join(self.daemon.errors.splitlines()[-3:])
            raise Stuck(f"the daemon ended by itself with status {ended}: {last}")
        assert self.daemon.process is not None
        running = DataFolder(self.daemon.data).running()
        if running is None or running.pid != self.daemon.process.pid:
            return {}  # who answers may be a supervisor that is about to die with its daemon
        try:
            with urllib.request.urlopen(f"{self._url}/status", timeout=5) as answer:
                told: dict[str, Any] = json.load(answer)
        except (OSError, ValueError, HTTPException):
            return {}
        return told

    def until_well(self) -> float:
        """Return the seconds until it is ready, has caught up, and makes progress that is durable.

        Raises:
            Stuck: that was not so in time, or a unit is in quarantine.
        """
        began = SYSTEM_CLOCK.monotonic()
        before: object = None
        status: Mapping[str, Any] = {}
        while SYSTEM_CLOCK.monotonic() - began < PATIENCE:
            status = self.status()
            if stopped := [unit for unit in _units(status) if unit["state"] == "quarantined"]:
                raise Stuck("; ".join(f"{each['unit_id']}: {each['reason']}" for each in stopped))
            if status.get("ready") and _lag(status) <= _LAG:
                now = _committed(status)
                before = before or now
                if now != before or self.has_said_all(status):
                    return SYSTEM_CLOCK.monotonic() - began
            pause(_LOOK_EVERY)
        raise Stuck(f"not well {PATIENCE:g} s after a fault: {_words(status)}")

    def has_said_all(self, status: Mapping[str, Any]) -> bool:
        """Whether every output there is to say is durable, as far as the units have told."""
        return self.outputs(status) >= len(self.market.said)

    def outputs(self, status: Mapping[str, Any]) -> int:
        """Return how many outputs are durable, as far as the units have told."""
        return sum(unit["outputs"] for unit in _units(status))

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return its processes, servers included, in whose name or command line a word is."""
        return [
            each
            for each in self.daemon.processes()
            if any(word in text for word in words for text in _texts(each))
        ]

    def delivered(self) -> list[Delivery]:
        """Return all that arrived at the recording outlet, in order.

        Raises:
            RedisError: the server does not answer.
        """
        if self.tier == 0:
            return _delivered_lines(self.daemon.said)
        return self._delivered_stream()

    async def stored(self) -> list[StoredOutput]:
        """Return all that the store holds; on tier 1 while the daemon runs."""
        store: SqliteStore | PostgresStore
        if self.tier == 0:
            store = await SqliteStore.open(self.daemon.data / "store.db", readonly=True)
        else:
            server = self._server("postgres")
            store = await PostgresStore.open(server.url, server.password)
        try:
            return await all_outputs(store)
        finally:
            await store.close()

    def _delivered_stream(self) -> list[Delivery]:
        server = self._server("redis")
        with Redis.from_url(server.url, password=server.password) as client:
            entries = client.xrange(_SIGNALS)
        return [
            Delivery(
                fields[b"unit"].decode(),
                int(fields[b"out_seq"]),
                fields[b"id"].decode(),
                fields[b"body"],
            )
            for _, fields in entries
        ]

    def arrived(self) -> int:
        """Return how many arrivals there are, repeated ones too; 0 while nobody answers."""
        if self.tier == 0:
            return self.daemon.said.read_bytes().count(b"\n") if self.daemon.said.exists() else 0
        with contextlib.suppress(RedisError):
            server = self._server("redis")
            with Redis.from_url(server.url, password=server.password) as client:
                return int(client.xlen(_SIGNALS))
        return 0

    def _server(self, name: str) -> Server:
        if self.servers is not None:
            return self.servers.direct[name]
        running = self.daemon.running()
        if running is None:
            raise Stuck("the daemon does not say where its servers are")
        url = running.redis_url if name == "redis" else running.postgres_url
        home = self.daemon.data / ("valkey" if name == "redis" else "postgres")
        return Server(url, (home / "password").read_text().strip())

    def discard(self) -> None:
        """End whatever is left of it, and its folder."""
        self.daemon.discard()
        shutil.rmtree(self.folder, ignore_errors=True)


def short_folder() -> Path:
    """Return a new folder that another user's Postgres can reach, and whose name is short."""
    folder = Path(tempfile.mkdtemp(prefix="w-"))
    folder.chmod(0o755)
    return folder


def _delivered_lines(file: Path) -> list[Delivery]:
    lines = file.read_bytes().splitlines() if file.exists() else []
    told = [_LINE.decode(line) for line in lines]
    return [
        Delivery(each.unit_id, each.out_seq, each.output.id, encode(each.output)) for each in told
    ]


def _units(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    hosts = [host for host in status.get("hosts", ()) if host["report"]]
    return [unit for host in hosts for unit in host["report"]["units"]]


def _lag(status: Mapping[str, Any]) -> int:
    return sum(unit["lag_rows"] for unit in _units(status))


def _committed(status: Mapping[str, Any]) -> list[object]:
    return [unit["committed"] for unit in _units(status)]


def _words(status: Mapping[str, Any]) -> str:
    """Return what a status says against its daemon, in short."""
    if not status:
        return "it does not answer"
    states = {unit["unit_id"]: unit["state"] for unit in _units(status)}
    return json.dumps({"reasons": status["reasons"], "lag": _lag(status), "units": states})


def _texts(process: psutil.Process) -> list[str]:
    try:
        return [process.name(), *process.cmdline()]
    except psutil.Error:
        return []


def _free_port() -> int:
    """Return a port that nobody has; the daemon keeps it over all its restarts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
