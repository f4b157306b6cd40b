"""A host that only counts, importable by an actor's process, for tests of the runtimes."""

import os
import sys
from pathlib import Path

from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.domain.errors import Fatal, Fenced
from whispr_daemon.domain.unit import HostReport, HostSpec, UnitReport

TURN = 0.01  # seconds


class CountingHost:
    """Counts its turns, does what a file tells it to, says in another how it ended."""

    def __init__(self, folder: Path, spec: HostSpec) -> None:
        self._folder = folder
        self._spec = spec
        self._turns = 0
        self._stopping = False
        self._note("runs")

    async def run(self) -> None:
        order = self._folder / f"{self._spec.host_id}.order"
        while not self._stopping:
            self._turns += 1
            if order.exists():
                text = order.read_text()
                order.unlink()
                if text == "return":
                    return
                _obey(text)
            await SystemClock().sleep(TURN)
        self._note("clean")

    def stop(self) -> None:
        self._stopping = True

    def report(self) -> HostReport:
        units = tuple(
            UnitReport(unit_id=unit.unit_id, partition=0, state="live", turns=self._turns)
            for unit in self._spec.units
        )
        return HostReport(host_id=self._spec.host_id, pid=os.getpid(), units=units)

    async def close(self) -> None:
        self._note("closed")

    def _note(self, what: str) -> None:
        with (self._folder / f"{self._spec.host_id}.{what}").open("a") as file:
            file.write(f"{os.getpid()}\n")


def _obey(order: str) -> None:
    if order == "exit":
        sys.exit(0)
    raise Fenced("told to") if order == "fenced" else Fatal(f"told {order}")


async def open_counting_host(context: bytes, spec: HostSpec) -> CountingHost:
    """``context`` is the path of a folder."""
    return CountingHost(Path(context.decode()), spec)
