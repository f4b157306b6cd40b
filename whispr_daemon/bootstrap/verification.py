"""Compares what a data folder's units said with what its log says, also beside a running daemon."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.bootstrap.desired import Desired, decode
from whispr_daemon.bootstrap.hosts import build_fold
from whispr_daemon.bootstrap.look import awake, log_to_read, store_to_read
from whispr_daemon.bootstrap.servers import COMPILE_AFTER
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.domain.unit import UnitSpec
from whispr_daemon.engine.notices import SPEAKER
from whispr_daemon.engine.parity import Parity, Witness
from whispr_daemon.engine.reader import Reader
from whispr_daemon.ports.event_log import EventLog
from whispr_daemon.ports.store import Store
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.settings import Settings

_PAGE = 65_536  # rows

Told: TypeAlias = Callable[[str, int, int], None]  # what is folded, rows so far, of how many


async def verified(
    settings: Settings, asked: Sequence[str], told: Told, *, from_snapshot: bool = False
) -> Sequence[Parity]:
    """Compare the units ``asked`` for, or all that ever ran, in the order of their names.

    What runs, and with which parameters, is what the store says: the daemon's own settings.

    Raises:
        SettingsError: there is no such unit, no log or no store.
        Fatal: log and store are not of the same daemon.
    """
    async with awake(settings) as running, store_to_read(settings, running) as store:
        body = await store.desired()
        if body is None:
            raise SettingsError(f"no daemon has run on data folder {settings.data} yet")
        desired = decode(body)
        there = sorted(unit for unit in await store.marks() if unit != SPEAKER)
        if unknown := [unit for unit in asked if unit not in there]:
            raise SettingsError(
                f"there is no unit {unknown[0]!r}; there are {', '.join(there) or 'none'}"
            )
        async with log_to_read(settings, desired.rules.partitions, running) as event_log:
            with _compiler(settings) as compiler:
                witnesses = _Witnesses(desired, store, event_log, compiler)
                return [
                    await witnesses.compare(unit, told, from_snapshot=from_snapshot)
                    for unit in (asked or there)
                ]


@contextmanager
def _compiler(settings: Settings) -> Iterator[Compiler]:
    """Yield what the daemon compiled its rules with; where it compiled none, nothing is written."""
    kernels = settings.data / "kernels"
    patience = COMPILE_AFTER[settings.rules.jit]
    if patience is None or not kernels.is_dir():
        yield UNCOMPILED
        return
    compiler = NumbaCompiler(kernels, patience=patience)
    try:
        yield compiler
    finally:
        compiler.close()


class _Witnesses:
    """Makes the witness of a unit and hears it."""

    def __init__(
        self, desired: Desired, store: Store, event_log: EventLog, compiler: Compiler
    ) -> None:
        self._desired = desired
        self._specs = {unit.unit_id: unit for unit in desired.units()}
        self._store, self._log = store, event_log
        self._compiler = compiler

    async def compare(self, unit: str, told: Told, *, from_snapshot: bool) -> Parity:
        # One that is not run any more, or speaks of no log, is only looked up.
        spec = self._specs.get(unit, UnitSpec(strategy=unit, partition=0, start=ORIGIN))
        reader = Reader(self._log, self._store, SYSTEM_CLOCK, spec.partition, _PAGE)
        rows = await reader.rows()
        witness = Witness(
            unit,
            self._store,
            reader,
            lambda: build_fold(spec, self._desired, self._compiler),
            lambda done: told(f"rows of {unit}", done, rows),
        )
        if unit not in self._specs:
            return await witness.hash_only()
        return await witness.compare(from_snapshot=from_snapshot)
