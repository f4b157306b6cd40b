"""What benchmarks found: as a table for people, as JSON for machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from rich.console import Console
from rich.table import Table

from tests.benchmarks.figures import Case, Figure

Verdict: TypeAlias = Literal["well", "differs", "short"]

_LARGE: Final = 1_000.0  # shown in full; what is smaller with four digits


class Found(NamedTuple):
    """What came of a case."""

    case: Case
    figures: Sequence[Figure]
    differs: str = ""  # who says something else, and where

    def plain(self) -> dict[str, object]:
        """Return it as plain data."""
        figures = [
            {**each._asdict(), "kept": each.kept, "min": min(each.each), "max": max(each.each)}
            if each.each
            else {**each._asdict(), "kept": each.kept}
            for each in self.figures
        ]
        about = {"case": self.case.name, "about": self.case.about}
        return {**about, "differs": self.differs, "figures": figures}


class Report(NamedTuple):
    """A run."""

    command: str  # repeats it
    facts: Mapping[str, object]
    found: Sequence[Found]
    judged: bool = True  # whether a bound has to be reached

    @property
    def verdict(self) -> Verdict:
        """``differs`` is worse than ``short``, which is below a bound."""
        if any(each.differs for each in self.found):
            return "differs"
        kept = all(figure.kept for each in self.found for figure in each.figures)
        return "well" if kept or not self.judged else "short"

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        plain = {
            "command": self.command,
            "verdict": self.verdict,
            "machine": self.facts,
            "cases": [each.plain() for each in self.found],
        }
        file.write_bytes(msgspec.json.format(msgspec.json.encode(plain), indent=1) + b"\n")

    def show(self, console: Console) -> None:
        """Print it."""
        for each in self.found:
            table = Table(title=f"{each.case.name}: {each.case.about}", title_justify="left")
            table.add_column("what", overflow="fold")
            for name in ("median", "min … max", "unit"):
                table.add_column(name, justify="right", no_wrap=True)
            table.add_column("against", overflow="fold")
            for name in ("ratio", "bound", ""):
                table.add_column(name, justify="right", no_wrap=True)
            for figure in each.figures:
                table.add_row(*_cells(figure))
            console.print(table)
            if each.differs:
                console.print(f"DIFFERS: {each.differs}", style="red", markup=False)


def _cells(figure: Figure) -> list[str]:
    span = f"{_short(min(figure.each))} … {_short(max(figure.each))}" if figure.each else ""
    bound = verdict = ""
    if figure.bound is not None:
        most = figure.most and figure.ratio is None
        bound = f"{'≤' if most else '≥'} {_short(figure.bound)}"
        verdict = "reached" if figure.kept else "[red]NOT reached[/red]"
    ratio = "" if figure.ratio is None else _short(figure.ratio)
    cells = [figure.what, _short(figure.value), span, figure.unit, figure.against, ratio]
    return [*cells, bound, verdict]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.4g}"
