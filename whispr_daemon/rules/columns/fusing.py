"""One kernel a clock: indicators, levels and rules as the body of one loop over the rows."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from whispr_daemon.rules.column import DATE, PRICE, Column, is_whole
from whispr_daemon.rules.columns.ladders import TAKES
from whispr_daemon.rules.columns.levels import INTS as LEVEL_INTS
from whispr_daemon.rules.columns.levels import WORDS, floats_of, levels_at
from whispr_daemon.rules.columns.plain import FIELDS
from whispr_daemon.rules.compile.compiler import NAMES, ROOM, Program, row_recipe
from whispr_daemon.rules.functions.folds import Input, Step, read_by, taken
from whispr_daemon.rules.jit import HELD, Argument, Group, Recipe
from whispr_daemon.rules.source import NOT_NEGATIVE

_FIRST_PRICE: Final = 2  # of the words of a row
_RULE: Final = Group(
    ("floats", "ints", "floats", "ints", "floats", "ints", "ints", "ints", "ints", "floats")
)
_PARTS: Final = ("anchor", "atr", "count", "high", "low")  # as ``levels_at`` returns them


class SeriesShape(NamedTuple):
    """An indicator: its column, what it is of, and its step."""

    key: str
    source: Column
    step: Step


class FusedProgram(NamedTuple):
    """A kernel over the rows of a clock, and the columns it is handed.

    ``fused(begin, at, rows, slot, columns, ladders, series, rules)`` folds the rows of a frame from
    ``begin`` on, of which ``at`` are evaluated before that one. Without ladders the rows are those
    that are evaluated, and ``at`` is ``begin``. It returns the row and the evaluated one at which
    to go on, and then how many records each rule has written: less than all rows where there was no
    room for the records of another.

    ``columns`` are of evaluated rows. Of a ladder it is handed what ``LadderMaker.given`` returns,
    of a series what ``SeriesMaker.held`` does, of a rule F, I, V, B, P, Q, N, ``want``, OI and OF
    as in :class:`Program`.
    """

    recipe: Recipe
    columns: tuple[Column, ...]


def fuse(
    programs: Sequence[Program], series: Sequence[SeriesShape], ladders: Sequence[str]
) -> FusedProgram:
    """Return the kernel of some rules over what they alone read.

    ``series`` stand in the order of what reads what; ``ladders`` are the keys of levels.
    """
    text = _Text(series, ladders)
    for number, each in enumerate(series):
        text.fold(number, each)
    for number, program in enumerate(programs):
        text.rule(number, program)
    steps = {_named(each.step): each.step for each in series}
    rows = {one.name: one for one in (row_recipe(each.recipe) for each in programs)}
    levels = [("levels_at", levels_at), ("floats_of", floats_of)] if ladders else []
    names = (*NAMES, ("Input", Input), ("taken", taken), *levels, *steps.items(), *rows.items())
    columns: Sequence[Argument] = ["ints" if is_whole(one) else "floats" for one in text.columns]
    takes: tuple[Argument, ...] = (
        *("int", "int", "int", "ints"),
        Group(tuple(columns)),
        Group((Group(TAKES),) * len(ladders)),
        Group((Group(HELD),) * len(series)),
        Group((_RULE,) * len(programs)),
    )
    return FusedProgram(Recipe("fused", text.whole(programs), names, takes), tuple(text.columns))


def _named(step: Step) -> str:
    return f"step_{step.__name__}"


class _Text:
    """The lines of a row."""

    def __init__(self, series: Sequence[SeriesShape], ladders: Sequence[str]) -> None:
        self.columns: list[Column] = []
        self._series, self._ladders = series, ladders
        self._lines: list[str] = []
        known: dict[Column, str] = {}
        for number, key in enumerate(ladders):
            known |= {Column(key, part): f"{part}{number}" for part in _PARTS}
        for number, each in enumerate(series):
            known[Column(each.key)] = f"y{number}"
            known[Column(each.key, "count")] = f"k{number}"
        if ladders:  # which read the rows as they lie in memory
            prices = {name: _price(place) for place, name in enumerate(FIELDS, _FIRST_PRICE)}
            known |= {Column(name): read for name, read in prices.items()}
            known[PRICE] = prices["close"]
        self._known: Mapping[Column, str] = known

    def fold(self, number: int, series: SeriesShape) -> None:
        """Fold an indicator: a bar is columns of one value each."""
        x, wanted = self._read(series.source), read_by(series.step)
        given = {name: self._read(Column(name)) if name in wanted else "x" for name in FIELDS[:3]}
        volume = self._read(Column("volume")) if "volume" in wanted else "x"
        date = self._read(DATE) if "date" in wanted else "s"
        bar = ", ".join(f"({each},)" for each in ("s", "x", *given.values(), volume, date))
        self._lines += [
            f"        x = {x}",
            f"        bar = Input({bar}, ())",
            f"        y{number}, k{number} = taken("
            f"bar, 0, state{number}, place{number}, {_named(series.step)})",
        ]

    def rule(self, number: int, program: Program) -> None:
        """Evaluate a rule."""
        values = "".join(f"{self._read(column)}, " for column in program.columns)
        arrays = ", ".join(f"{name}{number}" for name in ("F", "I", "V", "B"))
        numbers = ", ".join(f"{name}{number}" for name in ("p", "q", "n"))
        self._lines += [
            f"        if want{number}[s] != 0:",
            f"            fired{number} = {row_recipe(program.recipe).name}(m, s, ({values}), "
            f"{arrays}, {numbers}, OI{number}, OF{number}, fired{number}, -1)",
        ]

    def whole(self, programs: Sequence[Program]) -> str:
        """Return the text of the kernel."""
        fired = [f"fired{number}" for number in range(len(programs))]
        told = ", ".join(fired)
        full = " or ".join(f"{one} >= {ROOM}" for one in fired)
        lines = [
            "def fused(begin, at, rows, slot, columns, ladders, series, rules):",
            *(f"    c{number} = columns[{number}]" for number in range(len(self.columns))),
            *(f"    state{number}, place{number} = series[{number}]" for number in self._each()),
            *self._unpacked(programs),
        ]
        for number in range(len(self._ladders)):
            lines += [
                f"    days{number}, level{number}, how{number} = ladders[{number}]",
                f"    width{number} = floats_of(how{number}.length)",
            ]
        lines += [
            "    for row in range(begin, rows):",
            f"        if {full}:",
            f"            return row, at, {told}",
            f"        r = row & {NOT_NEGATIVE}",
            f"        s = slot[r] & {NOT_NEGATIVE}",
            f"        p = r * {WORDS} & {NOT_NEGATIVE}",
        ]
        for number in range(len(self._ladders)):
            parts = ", ".join(f"{part}{number}" for part in _PARTS)
            lines.append(
                f"        {parts} = levels_at(days{number}, r, level{number}, "
                f"(s * width{number} & {NOT_NEGATIVE}, s * {LEVEL_INTS} & {NOT_NEGATIVE}), "
                f"how{number})"
            )
        if self._ladders:
            lines += ["        if not days0.clock[r]:", "            continue"]
        lines += [f"        m = at & {NOT_NEGATIVE}", "        at += 1", *self._lines]
        return "\n".join([*lines, f"    return rows, at, {told}", ""])

    def _each(self) -> range:
        return range(len(self._series))

    def _unpacked(self, programs: Sequence[Program]) -> list[str]:
        """Return lines that take numbers out of memory: nothing that is written changes them."""
        lines: list[str] = []
        for n, program in enumerate(programs):
            names = ", ".join(
                f"{name}{n}" for name in ("F", "I", "V", "B", "P", "Q", "N", "want", "OI", "OF")
            )
            lines.append(f"    {names} = rules[{n}]")
            sizes = len(program.literals), len(program.wholes), len(program.needs) + 1
            for name, size in zip(("p", "q", "n"), sizes, strict=True):
                places = "".join(f"{name.upper()}{n}[{place}], " for place in range(size))
                lines.append(f"    {name}{n} = ({places})")
            lines.append(f"    fired{n} = 0")
        return lines

    def _read(self, column: Column) -> str:
        """Return where the value of this row is."""
        if column in self._known:
            return self._known[column]
        if column not in self.columns:
            self.columns.append(column)
        return f"c{self.columns.index(column)}[m]"


def _price(place: int) -> str:
    return f"days0.prices[p + {place}]"
