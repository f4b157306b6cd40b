"""Builds hosts: in this process, or, by name, in an actor's."""

import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from hashlib import blake2b
from pathlib import Path
from socket import gethostname
from typing import Final

import msgspec

from whispr_daemon.adapters import plugins
from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.adapters.runtimes.ray import StallNote
from whispr_daemon.adapters.stores.news import News
from whispr_daemon.bootstrap.bells import ringing
from whispr_daemon.bootstrap.desired import RULES, Desired, decode
from whispr_daemon.bootstrap.reach import Reach, join
from whispr_daemon.bootstrap.resting import rest_once_live
from whispr_daemon.bootstrap.rule_functions import plug_in_functions
from whispr_daemon.bootstrap.stalls import loop_watch
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.domain.unit import HostReport, HostSpec, UnitReport, UnitSpec
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.pages import Pages
from whispr_daemon.engine.together import SharedLog
from whispr_daemon.engine.unit import Ports, Unit
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.strategy import RulesStrategy

_SUPERVISED: Final = 120.0  # seconds that a supervisor has to kill a host that stands still


def build_fold(unit: UnitSpec, desired: Desired, compiler: Compiler = UNCOMPILED) -> Fold:
    """Return a unit's strategy built anew; that of rules is empty until the log says what it is.

    Raises:
        SettingsError: the plug-in is missing or cannot be built.
    """
    partitions = desired.rules.partitions
    if unit.strategy == RULES:
        plug_in_functions()
        told = msgspec.structs.replace(desired.rules, partition=unit.partition)
        rules = RulesStrategy((), told, compiler)
        version = f"{rules.version} {_digest(desired.rules)}"
        return Fold(rules, RULES, version, partition=unit.partition, partitions=partitions)
    choice = desired.choice(unit.strategy)
    strategy = plugins.build(choice.plugin, choice.params)
    digest = _digest((choice.params, choice.symbols))
    code_version = f"{choice.plugin} {strategy.version} {digest}"
    return Fold(strategy, choice.id, code_version, choice.symbols, unit.partition, partitions)


def _digest(told: object) -> str:
    """Return 12 hex digits of plain data."""
    body = msgspec.json.encode(told, order="sorted")
    return blake2b(body, digest_size=6).hexdigest()


def build_host(
    spec: HostSpec,
    desired: Desired,
    ports: Ports,
    reach: Reach,
    stack: AsyncExitStack,
    committed: Callable[[], None] = lambda: None,
) -> Host:
    """Return a host over open ports. ``stack`` is closed with it.

    Raises:
        SettingsError: the folder of compiled kernels is not private.
    """
    owner = f"{gethostname()}:{os.getpid()}:{spec.host_id}"
    compiler: Compiler = UNCOMPILED
    if reach.compile_after is not None and any(unit.strategy == RULES for unit in spec.units):
        numba = NumbaCompiler(Path(reach.data) / "kernels", patience=reach.compile_after)
        stack.callback(numba.close)
        compiler = numba

    if shared := len({unit.partition for unit in spec.units}) < len(spec.units):
        ports = msgspec.structs.replace(ports, log=SharedLog(ports.log))
    pages = Pages()

    def build(unit: UnitSpec) -> Unit:
        fold = build_fold(unit, desired, compiler)
        if shared:
            fold.share(pages)
        return Unit(unit, fold, ports, owner, reach.cadence, committed)

    return Host(spec, build, ports.clock, ports.metrics)


class HostProcess:
    """A host with ports of its own, as an actor's process runs it."""

    def __init__(
        self,
        host: Host,
        ports: AsyncExitStack,
        troubles: Callable[[], tuple[Trouble, ...]] = lambda: (),
    ) -> None:
        """``ports`` are closed with it; ``troubles`` are theirs, where it has its own."""
        self._host = host
        self._ports = ports
        self._troubles = troubles

    async def run(self) -> None:
        """Run until stopped; see :meth:`Host.run`."""
        await self._host.run()

    def stop(self) -> None:
        """Ask for a clean stop."""
        self._host.stop()

    def report(self) -> HostReport:
        """Return how the host stands."""
        return msgspec.structs.replace(self._host.report(), troubles=self._troubles())

    async def close(self) -> None:
        """Let go of the ports."""
        await self._ports.aclose()


async def open_host(context: bytes, spec: HostSpec) -> HostProcess:
    """Build a host in an actor's process. ``context`` is a Reach as msgpack.

    Raises:
        Fatal: nothing is desired, or it cannot be built here.
    """
    async with AsyncExitStack() as stack:
        news = News()
        reach, ports, body = await join(context, stack, news)
        ring = await ringing(reach, stack, news)
        host = build_host(spec, decode(body), ports, reach, stack, ring)
        watch = loop_watch(
            ports,
            reach.patience.stall_seconds,
            reports=lambda: [host.report()],
            meanwhile=StallNote(reach.data, spec.host_id).write,
            supervised=_SUPERVISED,
        )
        stack.enter_context(watch)

        async def reported() -> Sequence[UnitReport]:
            return host.units()

        rest_once_live(reported, len(spec.units), ports.clock, stack)
        return HostProcess(host, stack.pop_all(), ports.troubles)
