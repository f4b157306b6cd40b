"""What a soak found: as a table for people, as JSON for machines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from tests.soak.course import Course

_MISSING: Final = 0.01  # of the events that may not have come yet …
_BEHIND: Final = 5.0  # … or of so many seconds: others may be busy on the machine as well
_MB: Final = 2**20


class Report(NamedTuple):
    """A run."""

    command: str  # repeats it
    tier: int
    rate: int  # events a second asked for
    seconds: float
    missing: float  # events that were due and had not been taken in
    cores: float  # used by all processes together
    outputs: int  # said in the second half
    courses: Sequence[Course]
    wrong: str = ""  # with the daemon at its end

    def wrongs(self) -> list[str]:
        """Return what is wrong, in sentences; empty if nothing is."""
        found = [self.wrong] if self.wrong else []
        if self.missing > max(_MISSING * self.seconds, _BEHIND) * self.rate:
            found.append(f"{self.achieved:,.0f} events/s were taken in, not {self.rate:,}")
        return found + [
            f"{each.name} grows: {_amount(each, each.slope)} an hour"
            for each in self.courses
            if each.verdict == "grows"
        ]

    @property
    def achieved(self) -> float:
        """How many events were taken in in a second."""
        return self.rate - self.missing / self.seconds if self.seconds else 0.0

    @property
    def well(self) -> bool:
        """Whether the rate was held, and nothing grows."""
        return not self.wrongs()

    def plain(self) -> dict[str, object]:
        """Return it as plain data; sizes in bytes, slopes in an hour."""
        return {
            "command": self.command,
            "tier": self.tier,
            "rate": self.rate,
            "seconds": round(self.seconds, 1),
            "events_per_second": round(self.achieved),
            "cores": round(self.cores, 2),
            "outputs": self.outputs,
            "figures": {
                each.name: {
                    "first": round(each.values[0], 1),
                    "last": round(each.values[-1], 1),
                    "max": round(max(each.values), 1),
                    "slope_per_hour": round(each.slope, 1),
                    "verdict": each.verdict,
                }
                for each in self.courses
            },
            "wrong": self.wrongs(),
            "verdict": "well" if self.well else "grows or slow",
        }

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self.plain()), indent=1) + b"\n")

    def show(self, console: Console) -> None:
        """Print it as a table."""
        table = Table(header_style="bold")
        table.add_column("figure", no_wrap=True)
        for title in ("first", "last", "max", "an hour"):
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("verdict")
        for each in self.courses:
            cells = [each.values[0], each.values[-1], max(each.values), each.slope]
            table.add_row(each.name, *(_amount(each, cell) for cell in cells), each.verdict)
        console.print(table)
        console.print(
            f"tier {self.tier} · {self.seconds:,.0f} s · {self.achieved:,.0f} events/s of "
            f"{self.rate:,} · {self.cores:.2f} cores · {self.outputs:,} outputs in the second half",
            soft_wrap=True,
        )
        for wrong in self.wrongs():
            console.print(f"wrong: {wrong}", style="red", soft_wrap=True, markup=False)
        verdict = "well: flat or bounded" if self.well else "NOT WELL"
        console.print(f"verdict: {verdict}", style="bold green" if self.well else "bold red")


def _amount(course: Course, value: float) -> str:
    return f"{value / _MB:,.1f} MB" if course.unit == "bytes" else f"{value:,.0f}"
