"""What a chaos run found: as a table for people, as JSON for machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final, Literal, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from tests.chaos.bounds import Verdict, verdicts
from tests.chaos.checker import Findings


class Round(NamedTuple):
    """One daemon from its first start to its last stop."""

    faults: Sequence[tuple[str, float]]  # kind, seconds until it was well again
    findings: Findings | None  # None: it never came to that
    zombies: int = 0  # that ended by themselves, with status 70, after they had been replaced
    stuck: str = ""  # why the round ended before all was said


class Report(NamedTuple):
    """All rounds of a run."""

    command: str  # repeats it
    seed: int
    tier: int
    mutant: str
    seconds: float
    rounds: Sequence[Round]
    kinds: Sequence[str] = ()  # of fault that there are for this run

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

    def not_met(self) -> list[str]:
        """Return the kinds of fault that the time was too short for."""
        met = self.recoveries()
        return [kind for kind in self.kinds if kind not in met]

    def bounds(self) -> list[Verdict]:
        """Return what became of the promises to be well again in time."""
        return verdicts(self.tier, self.recoveries())

    @property
    def verdict(self) -> Literal["well", "slow", "broken"]:
        """Whether every promise was kept; ``slow``: all but one to be well again in time."""
        if not self.rounds or self.wrongs():
            return "broken"
        return "slow" if any(each.kept is False for each in self.bounds()) else "well"

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
            "zombies_fenced": self._zombies,
            "faults": {
                kind: {
                    "injected": len(times),
                    "recovery_p50_seconds": round(median(times), 2),
                    "recovery_max_seconds": round(max(times), 2),
                }
                for kind, times in self.recoveries().items()
            },
            "not_met": self.not_met(),
            "bounds": [each.plain() for each in self.bounds()],
            "wrong": self.wrongs(),
            "verdict": self.verdict,
        }

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self.plain()), indent=1) + b"\n")

    def show(self, console: Console) -> None:
        """Print it for people."""
        made = Table("fault", "injected", "well again p50", "max", header_style="bold")
        for kind, times in self.recoveries().items():
            made.add_row(kind, str(len(times)), f"{median(times):.2f} s", f"{max(times):.2f} s")
        console.print(made)
        for line in self._lines():
            console.print(line, soft_wrap=True, markup=False)
        for wrong in self.wrongs():
            console.print(f"wrong: {wrong}", style="red", soft_wrap=True, markup=False)
        said, style = _VERDICTS[self.verdict]
        console.print(f"verdict: {said}", style=style)
        if self.verdict != "well":
            console.print(f"repeat it with: {self.command}", soft_wrap=True, markup=False)

    def _lines(self) -> list[str]:
        """Return what there is to say beside the table."""
        missed = self.not_met()
        injected = sum(len(times) for times in self.recoveries().values())
        return [
            "well again: it says it is ready and all is durable that had come in meanwhile; time "
            "runs from the kill, or from the end of a fault that lasts",
            f"{injected} faults of {len(self.recoveries())} kinds in {len(self.rounds)} rounds, "
            f"{self.seconds / 60:.1f} minutes · tier {self.tier} · seed {self.seed}",
            f"kinds not met: {', '.join(missed) if missed else 'none'}",
            f"outputs {self.total('expected')} · delivered {self.total('delivered')} · "
            f"lost {self.total('lost')} · duplicates {self.total('duplicates')}",
            f"order per unit {'broken' if self.total('misordered') else 'kept'} · "
            f"hashes of all outputs {'differ' if self.total('unlike') else 'the same'}",
            f"replaced processes that went on, and ended with status 70: {self._zombies}",
            *(each.sentence() for each in self.bounds()),
        ]

    @property
    def _zombies(self) -> int:
        return sum(each.zombies for each in self.rounds)


_VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "well": ("well, nothing lost, nothing twice", "bold green"),
    "slow": ("nothing lost, nothing twice, but SLOWER than promised", "bold yellow"),
    "broken": ("BROKEN", "bold red"),
}
