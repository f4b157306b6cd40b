"""Daemons that die at named points: one life after the other, each a process forked in no time.

On tier 0 it is the daemon as it is wired. On tier 1 it is made of the same stages over Valkey and
Postgres that outlive it, with its hosts as tasks: Ray's actors are killed where Ray runs.
"""

import asyncio
import json
import multiprocessing
import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from redis import Redis
from rich.console import Console

from whispr_daemon import log
from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.adapters.metrics import PrometheusMetrics
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.bootstrap import reach, rule_changes, servers
from whispr_daemon.bootstrap.assembly import assembled
from whispr_daemon.bootstrap.desired import decode, desired
from whispr_daemon.bootstrap.edges import outlet_of, route_of, source_of
from whispr_daemon.bootstrap.hosts import HostProcess, build_host
from whispr_daemon.bootstrap.overseers import LocalOverseer
from whispr_daemon.bootstrap.supervisors import health_server
from whispr_daemon.domain.outputs import Audit, encode
from whispr_daemon.domain.timeframe import DAY
from whispr_daemon.domain.unit import HostSpec
from whispr_daemon.engine import crash, retention, supervisor
from whispr_daemon.engine.alignment import Alignment
from whispr_daemon.engine.daemon import Daemon
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.unit import Ports
from whispr_daemon.settings import Settings

# Forked, for most of them live for a few tenths of a second only.
PROCESSES: Final = multiprocessing.get_context("forkserver")
PATIENCE: Final = 150  # seconds
_PREFIX: Final = "whispr"
_TRIM_EVERY: Final = 0.05  # seconds
_PLACE: Final = "endpoint"  # the file that says where a daemon answers
_HOUR: Final = 3600 * 1_000_000_000  # ns

# What a unit dies of: one is put into quarantine, the other ends its host each time.
FAILING: Final = """
class Brittle:
    name, version = "brittle", "1"
    def on_event(self, event):
        raise ValueError("too hot")

class Ended(BaseException):
    "What no strategy can say."

class Deadly:
    name, version = "deadly", "1"
    def on_event(self, event):
        raise Ended
"""
_ENTRY_POINTS: Final = "[whispr.strategies]\nbrittle = failing:Brittle\ndeadly = failing:Deadly\n"
_RULE: Final = """
schema: whispr/rules/v1
name: arrow
inputs: {timeframe: "1m", indicators: [EMA13, EMA48]}
logic:
  - if: "EMA13 >= EMA48"
    then: ["emit:bull"]
"""


class Said(NamedTuple):
    """What is durable when a daemon has read all: without what it says of its own work."""

    outputs: list[Any]  # [unit, number, body], of rules and strategies
    hashes: list[Any]  # [unit, hash], of strategies
    quarantined: list[str]  # units
    notices: list[str]  # ids of the alerts of the daemon itself


class Mortal:
    """A data folder, or a pair of servers, on which one process after the other lives and dies."""

    def __init__(self, folder: Path, minutes: Path, pace: int = 40_000, **settings: Any) -> None:
        """``pace`` is how much faster than the market it is; a session has 390 minutes."""
        self.folder = folder
        self._said = folder / "said.json"
        self._sent = folder / "sent.jsonl"
        self._servers: Mapping[str, Server] = {}
        rules = folder / "rules"
        rules.mkdir()
        (rules / "arrow.yaml").write_text(_RULE)
        _install(folder)
        self.settings: dict[str, Any] = {
            "data": folder / "data",
            "partitions": 2,
            "rules": {"dir": rules},
            "strategies": [{"plugin": "ema_cross", "params": {"fast": 3, "slow": 8}}],
            "source": {"kind": "files", "paths": [minutes], "speed": pace},
            "outlets": [{"kind": "jsonl", "path": self._sent}],
            "health": {"port": 0},
            "log": {"level": "error"},
            "snapshot_seconds": 0.1,
            "idle_commit_seconds": 0.05,
            "keep_days": 0.01,
            **settings,
        }

    def on(self, postgres: Server, valkey: Server) -> "Mortal":
        """Live on these servers, on tier 1; return itself."""
        self._servers = {"postgres": postgres, "redis": valkey}
        self.settings |= {
            "tier": 1,
            "outlets": [{"kind": "redis"}],
            **{
                name: {"url": server.url, "password": server.password}
                for name, server in self._servers.items()
            },
        }
        return self

    def live(self, crash_at: str = "") -> int | None:
        """Run it until it ends or dies; return the exit status."""
        process = self.begin(crash_at)
        process.join(PATIENCE)
        return process.exitcode

    def begin(self, crash_at: str = "") -> BaseProcess:
        """Let it run; it ends by itself once all is taken in and said."""
        arguments = (self.settings, crash_at, self.folder)
        process = PROCESSES.Process(target=_live, args=arguments)
        process.start()
        return process

    def endpoint(self, path: str) -> str:
        """Return what its endpoint answers, nothing while it does not."""
        place = self.folder / _PLACE
        url = f"{place.read_text() if place.exists() else 'http://127.0.0.1:1'}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read(), "utf-8")
        except urllib.error.HTTPError as refusal:
            return str(refusal.read(), "utf-8")
        except OSError:
            return ""

    def readiness(self) -> dict[str, Any]:
        """Return what it says of itself at /readyz; as not ready while it does not answer."""
        found = self.endpoint("/readyz")
        told: dict[str, Any] = json.loads(found) if found else {"ready": False, "reasons": []}
        return told

    def logged(self, event: str, **facts: object) -> list[dict[str, Any]]:
        """Return the records of its log with this event and these facts."""
        whole, _, _ = (self.folder / "daemon.log").read_text().rpartition("\n")
        lines = map(json.loads, whole.splitlines())
        return [
            each
            for each in lines
            if each["event"] == event and all(each.get(key) == facts[key] for key in facts)
        ]

    def turn_clock(self, wrong: bool) -> None:
        """Let its wall clock be an hour fast, or right again."""
        (self.folder / "turned").touch() if wrong else (self.folder / "turned").unlink()

    def said(self) -> Said:
        """Return what the last one to come to its end found durable."""
        return Said(*json.loads(self._said.read_text()))

    def delivered(self) -> list[str]:
        """Return the ids that were sent, sorted, each as often as it was."""
        if not self._servers:
            lines = self._sent.read_text().splitlines()
            return sorted(json.loads(line)["output"]["id"] for line in lines)
        server = self._servers["redis"]
        with Redis.from_url(server.url, password=server.password) as client:
            entries = client.xrange(f"{_PREFIX}:SIGNALS")
        return sorted(fields[b"id"].decode() for _, fields in entries)


def preload() -> None:
    """Let processes be forked from one that has done already what each would do first."""
    PROCESSES.set_forkserver_preload([f"{__package__}.mortals_born"])


def _install(folder: Path) -> None:
    """Put the strategies that fail where a process finds them by their entry points."""
    described = folder / "failing-1.dist-info"
    described.mkdir()
    (folder / "failing.py").write_text(FAILING)
    (described / "METADATA").write_text("Name: failing\nVersion: 1\n")
    (described / "entry_points.txt").write_text(_ENTRY_POINTS)


def _live(settings: Mapping[str, Any], crash_at: str, folder: Path) -> None:
    """Run a daemon to the end of its source; write what it said, unless it dies before that."""
    os.environ[crash.VARIABLE] = crash_at
    crash._awaited.cache_clear()  # whom this was forked from has lived
    sys.path.insert(0, str(folder))
    wanted = Settings(**settings)
    log.configure(wanted.log.level, "json", (folder / "daemon.log").open("a"))
    turned, now = folder / "turned", SystemClock.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "_EVERY", _TRIM_EVERY)
        patch.setattr(SystemClock, "now", lambda clock: now(clock) + _HOUR * turned.exists())
        told = asyncio.run(run(wanted))
    (folder / "said.json").write_text(json.dumps(told))


async def run(settings: Settings) -> Said:
    made = _on_servers(settings) if settings.tier else _as_wired(settings)
    async with made as (daemon, ports):
        overseer = daemon.overseer
        assert isinstance(overseer, LocalOverseer)
        place = settings.data.parent / _PLACE
        await daemon.run(to_end=True, started=lambda: _write(place, overseer.health_url))
        stored = await ports.store.outputs({}, 100_000)
        marks = await ports.store.marks()
        held = await ports.store.quarantined()
    told = [
        [each.unit_id, each.out_seq, encode(each.output).decode()]
        for each in stored
        if "/" in each.unit_id and not isinstance(each.output, Audit)
    ]
    hashes = [[unit, mark.out_hash] for unit, mark in marks.items() if unit.startswith("ema")]
    notices = [each.output.id for each in stored if "/" not in each.unit_id]
    return Said(sorted(told), sorted(hashes), sorted(each.unit_id for each in held), notices)


def _write(place: Path, text: str) -> None:
    """Write a file that nobody sees half written."""
    half = place.with_suffix(".half")
    half.write_text(text)
    half.replace(place)


@asynccontextmanager
async def _as_wired(settings: Settings) -> AsyncIterator[tuple[Daemon, Ports]]:
    async with assembled(settings, Console(quiet=True)) as made:
        yield made.daemon, made.ports


@asynccontextmanager
async def _on_servers(settings: Settings) -> AsyncIterator[tuple[Daemon, Ports]]:
    """Wire a daemon of tier 1 whose hosts are tasks."""
    settings.data.mkdir(exist_ok=True)
    found = servers.Servers(
        *(servers.server_at(each) or Server("", "") for each in (settings.postgres, settings.redis))
    )
    reached = servers.reach_of(settings, settings.data, found)
    async with AsyncExitStack() as stack:
        ports = await stack.enter_async_context(reach.open_ports(reached))
        log_, store, clock, metrics = ports.log, ports.store, ports.clock, ports.metrics
        ends = [await log_.last(each) for each in range(log_.partitions)]
        await rule_changes.begin(store, settings.rules.dir)
        before = await store.desired()
        wanted = desired(settings, ends, decode(before) if before else None)
        await store.set_desired(wanted.encode())
        relays = []
        for each in settings.routes():
            outlet = await outlet_of(each, reached, Console(quiet=True), stack)
            relays.append(Relay(route_of(each), outlet, store, clock, metrics))

        async def build(spec: HostSpec) -> HostProcess:
            own = msgspec.structs.replace(ports, metrics=PrometheusMetrics())
            held = AsyncExitStack()
            return HostProcess(build_host(spec, wanted, own, reached, held), held)

        runtime = LocalRuntime(build)
        supervised = supervisor.Supervisor(
            wanted.hosts, runtime, (log_, store), clock, PrometheusMetrics(), reached.patience
        )
        overseer = LocalOverseer(supervised, runtime, health_server(supervised, reached))
        stack.push_async_callback(overseer.close)
        alignment = Alignment(refs_of=rule_changes.refs_of, wait=settings.rules.align_wait)
        ingest = Ingest(await source_of(settings), log_, store, clock, metrics, alignment)
        keep = int(settings.keep_days * DAY)
        keepers = {"retention": retention.Retention(log_, store, clock, metrics, keep).run}
        yield Daemon(overseer, ingest, relays, list(wanted.units()), ports, keepers), ports
