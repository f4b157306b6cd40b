"""The daemon under test, as the harness has it: started, hurt, watched until it is well again."""

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from contextlib import AbstractContextManager
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]

from tests.chaos.background import Background
from tests.chaos.disk import SmallDisk
from tests.chaos.gauge import Gauge, Standing
from tests.chaos.market import RULES, SESSION_SECONDS, STRATEGY, Market
from tests.chaos.mutant import environment
from tests.chaos.network import Network
from tests.chaos.places import PARTITIONS, Places
from tests.integration.daemons import Daemon
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.folder import DataFolder

PATIENCE: Final = 90.0  # seconds without recovery, or without progress, that are given up on
STALL: Final = 8.0  # seconds without progress after which a host is killed
_STOP_WITHIN: Final = 40.0  # seconds
_LOOK_EVERY: Final = 0.03  # seconds
_ROOM: Final = 2**18  # bytes of a file on a full disk: a write-ahead log soon has them
_STATUS_WITHIN: Final = 5.0  # seconds


class Stuck(Exception):
    """A promise about the daemon itself is broken, e.g. it did not get well; it says which."""


def pause(seconds: float) -> None:
    """Let real time pass."""
    time.sleep(seconds)  # noqa: TID251 - processes keep real time


class Subject:
    """One daemon on a folder of its own, with a recording outlet."""

    def __init__(
        self,
        tier: int,
        market: Market,
        loop: Background,
        network: Network | None = None,
        mutant: str = "",
        small_disk: bool = False,
    ) -> None:
        """``network`` holds the servers; None: the daemon starts its own on tier 1.

        ``small_disk``: its data folder is a disk that can be filled. Tier 0 needs none for that.
        """
        self.tier = tier
        self.market = market
        self.loop = loop
        self.network = network
        self.folder = short_folder()
        self.zombies = 0  # that went on after they had been replaced, and ended as they should
        port = _free_port()
        self._url = f"http://127.0.0.1:{port}"
        servers = network.servers if network else None
        settings = {
            "tier": tier,
            "strategies": [{"plugin": STRATEGY}],
            "rules": {"dir": str(RULES)},
            "partitions": PARTITIONS,
            "health": {"port": port},
            "log": {"level": "warning"},  # short: it has to be written on a full disk, too
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
            self.daemon.environment = environment(mutant)
        self.places = Places(tier, self.daemon, servers)
        self.gauge = Gauge(loop, self.places.opened)
        self._disk = SmallDisk(self.daemon.data) if small_disk else None

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
            with urllib.request.urlopen(f"{self._url}/status", timeout=_STATUS_WITHIN) as answer:
                told: dict[str, Any] = json.load(answer)
        except (OSError, ValueError, HTTPException):
            return {}
        return told

    def until_well(self, since: float) -> float:
        """Return the seconds from ``since`` until it says it is ready and has caught up.

        It has caught up when all that the log held as it was first ready again is durable, and
        something that came later is, too. That is read from log and store themselves.

        Raises:
            Stuck: that was not so in time, or a unit is in quarantine.
        """
        began = SYSTEM_CLOCK.monotonic()
        target: Standing | None = None
        status: Mapping[str, Any] = {}
        while SYSTEM_CLOCK.monotonic() - began < PATIENCE:
            status = self.status()
            if stopped := [unit for unit in _units(status) if unit["state"] == "quarantined"]:
                raise Stuck("; ".join(f"{each['unit_id']}: {each['reason']}" for each in stopped))
            found = self.gauge.look() if status.get("ready") else None
            if found is not None:
                target = target or found
                if found.beyond(target) or self.said_all(found):
                    return SYSTEM_CLOCK.monotonic() - since
            pause(_LOOK_EVERY)
        raise Stuck(f"not well {PATIENCE:g} s after a fault: {_words(status)}")

    def said_all(self, standing: Standing) -> bool:
        """Whether every output there is to say is durable."""
        return standing.outputs >= len(self.market.said)

    def no_room(self) -> AbstractContextManager[None]:
        """Fill its disk; on tier 0 its process may write no file beyond some bytes."""
        return self.daemon.no_room(_ROOM) if self._disk is None else self._disk.full()

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return its processes, servers included, in whose name or command line a word is."""
        return [
            each
            for each in self.daemon.processes()
            if any(word in text for word in words for text in _texts(each))
        ]

    def discard(self) -> None:
        """End whatever is left of it, and its folder."""
        self.gauge.close()
        self.daemon.discard()
        if self._disk is not None:
            self._disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def short_folder() -> Path:
    """Return a new folder that another user's Postgres can reach, and whose name is short."""
    folder = Path(tempfile.mkdtemp(prefix="w-"))
    folder.chmod(0o755)
    return folder


def _units(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    hosts = [host for host in status.get("hosts", ()) if host["report"]]
    return [unit for host in hosts for unit in host["report"]["units"]]


def _words(status: Mapping[str, Any]) -> str:
    """Return what a status says against its daemon, in short."""
    if not status:
        return "it does not answer"
    units = {unit["unit_id"]: (unit["state"], unit["lag_rows"]) for unit in _units(status)}
    return json.dumps({"reasons": status["reasons"], "units": units})


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
