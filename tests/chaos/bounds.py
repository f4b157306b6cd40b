"""How soon a daemon promises to be well again, and whether it was."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple


class Bound(NamedTuple):
    """A promise about one kind of fault."""

    kind: str
    what: str  # in words
    seconds: float  # the median is at most


BOUNDS: Final[Mapping[int, Sequence[Bound]]] = {
    0: (Bound("daemon killed", "the whole daemon", 5.0),),
    1: (
        Bound("host killed", "a host", 10.0),
        Bound("all killed at once", "the whole daemon", 30.0),
    ),
}


class Verdict(NamedTuple):
    """A promise, and what was measured of it."""

    bound: Bound
    times: Sequence[float]  # seconds; none if the fault was not met

    @property
    def kept(self) -> bool | None:
        """Whether it was kept; None if the fault was not met."""
        return median(self.times) <= self.bound.seconds if self.times else None

    def sentence(self) -> str:
        """Say it in a line."""
        bound = self.bound
        promise = f"{bound.what}, killed, is back and has caught up within {bound.seconds:g} s"
        if not self.times:
            return f"{promise} (median): not measured, '{bound.kind}' was not met"
        found = f"{median(self.times):.1f} s of {len(self.times)}"
        return f"{promise} (median): {'kept' if self.kept else 'TOO SLOW'}, {found}"

    def plain(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "kind": self.bound.kind,
            "at_most_seconds": self.bound.seconds,
            "p50_seconds": round(median(self.times), 2) if self.times else None,
            "samples": len(self.times),
            "kept": self.kept,
        }


def verdicts(tier: int, recoveries: Mapping[str, Sequence[float]]) -> list[Verdict]:
    """Return what became of the promises of a tier; ``recoveries`` are seconds by kind."""
    return [Verdict(each, recoveries.get(each.kind, ())) for each in BOUNDS[tier]]
