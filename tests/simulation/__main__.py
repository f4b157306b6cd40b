"""Runs seed after seed of the simulation, says how it goes, and how to see a failing one again."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from tests.simulation.checker import Verdict, verdict
from tests.simulation.mutants import HONEST, MUTANTS
from tests.simulation.quiet import quiet
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

_SHOWN = 5  # failing seeds in full
_EVERY = 2.0  # seconds between two signs of life


class Tally:
    """What came of the seeds so far."""

    def __init__(self, wanted: int, mutant: str) -> None:
        """``mutant`` is its name, empty for none."""
        self._wanted, self._mutant = wanted, mutant
        self._began = self._told = SYSTEM_CLOCK.monotonic()
        self._seen: Counter[str] = Counter()
        self._seconds = 0.0
        self.runs = 0
        self.failed: list[int] = []

    def add(self, seed: int, found: Verdict) -> None:
        """Count a run; tell it in full if it is one of few, or one of the first to fail."""
        self.runs += 1
        self._seen += found.seen
        self._seconds += found.seconds
        if found.wrong:
            self.failed.append(seed)
        if self._wanted == 1 or (found.wrong and not self._mutant and len(self.failed) <= _SHOWN):
            self._tell(seed, found)
        if SYSTEM_CLOCK.monotonic() - self._told >= _EVERY:
            self._told = SYSTEM_CLOCK.monotonic()
            self._say(f"{self.runs:,} of {self._wanted:,} seeds {self._rate()}")

    def report(self) -> None:
        """Say what was done and what came of it."""
        for what, times in sorted(self._seen.items()):
            self._say(f"{times:10,}  {what}")
        self._say(f"{self._seconds:10,.0f}  seconds of simulated time")
        self._say(f"{self.runs:10,}  seeds {self._rate()}")

    def _rate(self) -> str:
        minutes = (SYSTEM_CLOCK.monotonic() - self._began) / 60
        failed = f"{len(self.failed):,} failed ({len(self.failed) / max(1, self.runs):.1%})"
        return f"· {failed} · {self.runs / minutes:,.0f} a minute"

    def _tell(self, seed: int, found: Verdict) -> None:
        self._say(f"seed {seed}: {'FAILED' if found.wrong else 'kept its promise'}")
        for fault in found.script:
            self._say(f"    {fault}")
        for wrong in found.wrong:
            self._say(f"  wrong: {wrong}")
        if found.wrong:
            again = f"ops/simulate --from {seed} --seeds 1"
            self._say(f"  again: {again}{f' --mutant {self._mutant}' if self._mutant else ''}")

    def _say(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    """Return 0 if all seeds kept the promise, else 1; of a mutant, 0 if one did not keep it."""
    asked = _asked(words)
    mutant = MUTANTS[asked.mutant] if asked.mutant else HONEST
    tally = Tally(asked.seeds, asked.mutant)
    with quiet():
        for seed in range(asked.first, asked.first + asked.seeds):
            tally.add(seed, verdict(seed, mutant))
    tally.report()
    return int(bool(tally.failed) != bool(asked.mutant))


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of them (0)")
    parser.add_argument(
        "--mutant", choices=sorted(MUTANTS), default="", help="break one rule: the checker notices"
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
