"""What a chaos run found: as a table for people, as JSON for machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from tests.chaos.checker import Findings


class Round(NamedTuple):
    """One daemon from its first start to its last stop."""

    faults: Sequence[tuple[str, float]]  # kind, seconds until it was well again
    findings: Findings | None  # None: it never came to that
    stuck: str = ""  # why the round ended before all was said


class Report(NamedTuple):
    """All rounds of a run."""

    command: str  # repeats it
    seed: int
    tier: int
    mutant: str
    seconds: float
    rounds: Sequence[Round]

    def recoveries(self) -> Mapping[str, list[float]]:
        """Return the recovery times in seconds, by kind of fault."""
        found: dict[str, list[float]] = {}
        for each in self.rounds:
            for kind, seconds in each.faults:
                found.setdefault(kind, []).append(seconds)
        return dict(sorted(found.items()))

    def wrongs(self) -> list[str]:
        """Return what is wrong, in sentences; empty if nothing is."""
        found = []
        for number, each in enumerate(self.rounds, 1):
            said = each.findings.sentences() if each.findings else []
            found += [
                f"round {number}: {words}" for words in ([each.stuck] if each.stuck else []) + said
            ]
        return found

    def total(self, of: str) -> int:
        """Return the sum over all rounds of a finding: a count, or how many there are."""
        found = [getattr(each.findings, of) for each in self.rounds if each.findings]
        return sum(each if isinstance(each, int) else len(each) for each in found)

    @property
    def well(self) -> bool:
        """Whether every promise was kept."""
        return bool(self.rounds) and not self.wrongs()

    def plain(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "command": self.command,
            "seed": self.seed,
            "tier": self.tier,
            "mutant": self.mutant,
            "seconds": round(self.seconds, 1),
            "rounds": len(self.rounds),
            "expected": self.total("expected"),
            "delivered": self.total("delivered"),
            "lost": self.total("lost"),
            "duplicates": self.total("duplicates"),
            "misordered_units": self.total("misordered"),
            "unlike_units": self.total("unlike"),
            "faults": {
                kind: {
                    "injected": len(times),
                    "recovery_p50_seconds": round(median(times), 2),
                    "recovery_max_seconds": round(max(times), 2),
                }
                for kind, times in self.recoveries().items()
            },
            "wrong": self.wrongs(),
            "verdict": "well" if self.well else "broken",
        }

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self.plain()), indent=1) + b"\n")

    def show(self, console: Console) -> None:
        """Print it as a table."""
        made = Table("fault", "injected", "well again p50", "max", header_style="bold")
        for kind, times in self.recoveries().items():
            made.add_row(kind, str(len(times)), f"{median(times):.2f} s", f"{max(times):.2f} s")
        console.print(made)
        plain = self.plain()
        shown = ("seed", "tier", "rounds", "seconds", "expected", "delivered", "lost", "duplicates")
        console.print(" · ".join(f"{name} {plain[name]}" for name in shown), soft_wrap=True)
        order = "broken" if self.total("misordered") else "kept"
        hashes = "differ" if self.total("unlike") else "the same"
        console.print(f"order per unit {order} · hashes of all outputs {hashes}")
        for wrong in self.wrongs():
            console.print(f"wrong: {wrong}", style="red", soft_wrap=True, markup=False)
        if self.well:
            console.print("verdict: well, nothing lost, nothing twice", style="bold green")
        else:
            console.print("verdict: BROKEN", style="bold red")
            console.print(f"repeat it with: {self.command}", soft_wrap=True, markup=False)
