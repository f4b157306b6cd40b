"""Wires a daemon: servers, ports, hosts, source, outlets. Opened in order, closed in reverse."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
from rich.console import Console

from whispr_daemon.adapters.api.server import until_free
from whispr_daemon.adapters.api.stand_in import StandIn
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.metrics import PrometheusMetrics
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.adapters.runtimes.loop_watch import LoopWatch
from whispr_daemon.adapters.stores.news import News
from whispr_daemon.bootstrap.bells import listening, nudging
from whispr_daemon.bootstrap.desired import Desired, decode, desired
from whispr_daemon.bootstrap.edges import outlet_of, route_of, source_of
from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.bootstrap.hosts import HostProcess, build_fold, build_host
from whispr_daemon.bootstrap.overseers import ActorOverseer, LocalOverseer
from whispr_daemon.bootstrap.reach import Reach, keep_calendars, open_ports
from whispr_daemon.bootstrap.resting import rest_once_live
from whispr_daemon.bootstrap.rule_changes import Folder, begin, first_change, refs_of
from whispr_daemon.bootstrap.servers import Tell, reach_of, servers_of
from whispr_daemon.bootstrap.stalls import StallRecord, answering, judged, loop_watch
from whispr_daemon.bootstrap.supervisors import health_server
from whispr_daemon.domain.timeframe import DAY
from whispr_daemon.domain.unit import HostSpec, UnitReport
from whispr_daemon.engine.alignment import Alignment
from whispr_daemon.engine.daemon import Daemon
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.engine.relay import Relay
from whispr_daemon.engine.retention import Retention
from whispr_daemon.engine.rule_watch import RuleWatch
from whispr_daemon.engine.supervisor import Supervisor
from whispr_daemon.engine.unit import Ports
from whispr_daemon.ports.source import Source
from whispr_daemon.settings import Settings

# Actors outlive a daemon that was killed by some seconds, and one of them has the port.
_LET_GO_WITHIN: Final = 15.0


@dataclass(frozen=True, slots=True)
class Assembled:
    """A wired daemon, and what its owner may want to look at."""

    daemon: Daemon
    source: Source
    ports: Ports
    announce: Callable[[], str]  # once started: tell others where it is, return the health URL


@asynccontextmanager
async def assembled(
    settings: Settings, console: Console, tell: Tell = lambda _: None
) -> AsyncIterator[Assembled]:
    """Yield a daemon ready to run; afterwards close all that was opened.

    Args:
        settings: those in effect.
        console: where the console outlet prints.
        tell: told what is being started.

    Raises:
        SettingsError: a setting cannot be had; each is named.
        SourceError: a file cannot be read as asked.
        UnsafeServer: a server would lose acknowledged writes as it is set.
    """
    folder = DataFolder(settings.data)
    folder.check_tier(settings.tier)
    rules = Folder(settings.rules.dir, settings.universes) if settings.rules.dir else None
    seen = rules.look() if rules else None
    # A mistake in the first rules ends the start before anything is written.
    new = folder.tier() is None
    fresh = first_change(settings.rules.dir, settings.universes) if new else None
    async with AsyncExitStack() as stack:
        folder.take()
        stack.callback(folder.release)
        keep_calendars(folder.path)
        let_go = _LET_GO_WITHIN if settings.tier else 0.0
        await until_free(settings.health.host, settings.health.port, let_go, SYSTEM_CLOCK)
        source = await source_of(settings)
        servers = await stack.enter_async_context(servers_of(settings, folder.path, tell))
        reach, news = reach_of(settings, folder.path, servers), News()
        ports = await stack.enter_async_context(open_ports(reach, news))
        ends = [await ports.log.last(each) for each in range(ports.log.partitions)]
        await begin(ports.store, settings.rules.dir, fresh, settings.universes)
        before = await ports.store.desired()
        wanted = desired(settings, ends, decode(before) if before else None)
        for unit in wanted.units():
            if unit.partition == 0:
                build_fold(unit, wanted)  # a plug-in that is missing is said now, by name
        await ports.store.set_desired(wanted.encode())
        relays = [
            Relay(
                route_of(each),
                await outlet_of(each, reach, console, stack),
                ports.store,
                ports.clock,
                ports.metrics,
            )
            for each in settings.routes()
        ]
        record = await judged(StallRecord(folder.path), ports, reach.patience)
        overseer: ActorOverseer | LocalOverseer
        if reach.tier:
            overseer = ActorOverseer(
                reach, settings.ray.address or "", ports.clock, tell, folder.move
            )
            loop = loop_watch(ports, reach.patience.stall_seconds, record.add)
        else:
            overseer, loop = _local_overseer(reach, wanted, ports, record, relays)
        stack.push_async_callback(overseer.close)
        stack.enter_context(loop)
        alignment = Alignment(refs_of=refs_of, wait=settings.rules.align_wait)
        ingest = Ingest(source, ports.log, ports.store, ports.clock, ports.metrics, alignment)
        keepers = {each.name: each.keep for each in servers.own}
        if reach.tier:
            keepers["bell"] = await listening(reach, relays, stack, news)
        keep = int(settings.keep_days * DAY)
        retention = Retention(
            ports.log, ports.store, ports.clock, ports.metrics, keep, settings.keep_bytes
        )
        keepers["retention"] = retention.run
        if rules and settings.rules.watch:
            watch = RuleWatch(rules, seen, ports.store, ports.clock, ports.metrics, ingest.change)
            keepers["rule watch"] = watch.run
        rest_once_live(partial(_units, overseer), len([*wanted.units()]), ports.clock, stack)
        stack.callback(folder.retract)

        def announce() -> str:
            folder.announce(
                Running(
                    pid=os.getpid(),
                    tier=reach.tier,
                    health_url=overseer.health_url,
                    postgres_url=reach.postgres_url,
                    redis_url=reach.redis_url,
                )
            )
            return overseer.health_url

        yield Assembled(
            daemon=Daemon(
                overseer,
                ingest,
                relays,
                list(wanted.units()),
                ports,
                keepers,
            ),
            source=source,
            ports=ports,
            announce=announce,
        )


async def _units(overseer: ActorOverseer | LocalOverseer) -> Sequence[UnitReport]:
    reports = [status.report for status in await overseer.status()]
    return [unit for report in reports if report for unit in report.units]


def _local_overseer(
    reach: Reach,
    wanted: Desired,
    ports: Ports,
    record: StallRecord,
    relays: Sequence[Relay],
) -> tuple[LocalOverseer, LoopWatch]:
    committed = nudging(relays)

    async def build(spec: HostSpec) -> HostProcess:
        # Log and store are shared with the daemon, which closes them; the figures are the host's.
        own = msgspec.structs.replace(ports, metrics=PrometheusMetrics())
        stack = AsyncExitStack()
        return HostProcess(build_host(spec, wanted, own, reach, stack, committed), stack)

    runtime = LocalRuntime(build)
    supervisor = Supervisor(
        wanted.hosts,
        runtime,
        (ports.log, ports.store),
        ports.clock,
        PrometheusMetrics(),
        reach.patience,
    )
    health = health_server(supervisor, reach)
    meanwhile = answering(StandIn(health, ports.clock, reach.health_token or None))
    limit = reach.patience.stall_seconds
    watch = loop_watch(ports, limit, record.add, runtime.reports, meanwhile)
    return LocalOverseer(supervisor, runtime, health), watch
