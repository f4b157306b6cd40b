"""What is kept of a loop that stood still, for the next start; and who watches, and tells of it."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import structlog

from whispr_daemon.adapters.api.stand_in import StandIn
from whispr_daemon.adapters.metrics import render
from whispr_daemon.adapters.runtimes.loop_watch import Limits, LoopWatch
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.stall import Stall
from whispr_daemon.domain.unit import HostReport, Sample
from whispr_daemon.engine.stalls import take_out
from whispr_daemon.engine.unit import Ports
from whispr_daemon.engine.watch import Patience
from whispr_daemon.ports.metrics import STALLED_SECONDS

_journal = structlog.get_logger("whispr.loop")


class StallRecord:
    """The stalls that ended processes of a data folder: a line of JSON each, oldest first.

    It is not in the store, for whoever writes it has no loop to reach the store with.
    """

    def __init__(self, folder: Path) -> None:
        """``folder`` is the data folder."""
        self._path = folder / "stalls.jsonl"

    def add(self, stall: Stall) -> None:
        """Write one down, durably; where that cannot be, say so."""
        try:
            self._write(os.O_APPEND, [stall])
        except OSError as error:
            _journal.error("stall cannot be recorded", file=str(self._path), error=str(error))

    def read(self) -> tuple[Stall, ...]:
        """Return those there are; what a crash left half written is passed over."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Stall))
            except msgspec.DecodeError as error:
                _journal.warning("line passed over", file=str(self._path), error=str(error))
        return tuple(found)

    def keep(self, stalls: Sequence[Stall]) -> None:
        """Forget all others.

        Raises:
            OSError: the file cannot be written.
        """
        if stalls or self._path.exists():
            self._write(os.O_TRUNC, stalls)

    def _write(self, how: int, stalls: Iterable[Stall]) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | how, 0o600)
        try:
            os.write(file, b"".join(msgspec.json.encode(each) + b"\n" for each in stalls))
            os.fsync(file)
        finally:
            os.close(file)


async def judged(record: StallRecord, ports: Ports, patience: Patience) -> StallRecord:
    """Quarantine the units of whose stalls there are too many; the others stay in the record.

    Raises:
        Transient: the store is away.
        OSError: the record cannot be written.
    """
    now = ports.clock.now()
    record.keep(await take_out(record.read(), ports.store, ports.metrics, now, patience))
    return record


def loop_watch(
    ports: Ports,
    stall_seconds: float,
    last: Callable[[Stall], None] = lambda _: None,
    reports: Callable[[], Iterable[HostReport]] = lambda: (),
    meanwhile: Callable[[Stall], None] = lambda _: None,
    supervised: float = 0.0,
) -> LoopWatch:
    """Return the watch of this process's loop, to be entered on it.

    Args:
        ports: the clock of the process.
        stall_seconds: that the loop may stand still; it is told of after a third of them.
        last: told before the process ends.
        reports: of the hosts whose units run on this loop.
        meanwhile: told again and again while it stands still.
        supervised: seconds more in which a supervisor ends the process; it knows what comes then.
    """

    def place(unit_id: str) -> Position | None:
        units = (unit for report in reports() for unit in report.units)
        return next((unit.position for unit in units if unit.unit_id == unit_id), None)

    limits = Limits(stall_seconds / 3, stall_seconds + supervised)
    return LoopWatch(ports.clock, limits, place, meanwhile, last)


def answering(stand_in: StandIn) -> Callable[[Stall], None]:
    """Return what lets a stand-in answer who asks of a stall."""
    return lambda stall: stand_in.answer(stall.describe(), lambda: _figures(stall))


def _figures(stall: Stall) -> bytes:
    sample = Sample(
        family=STALLED_SECONDS.name,
        name=STALLED_SECONDS.name,
        labels={"task": stall.task},
        value=stall.seconds,
    )
    return render({"daemon": (sample,)})
