"""Checked clauses to one generated function a rule: rows in, fired rows out."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from whispr_daemon.rules.column import BARS, LAPSE, Column, Need
from whispr_daemon.rules.compile.codegen import Translation
from whispr_daemon.rules.functions.warmth import needs_of
from whispr_daemon.rules.nodes import Call, Node, Type
from whispr_daemon.rules.source import Event, Source, StateBlock
from whispr_daemon.rules.tree import children

RECORD: Final = 4  # ints of a fired row: row, clause, direction, gap

Function: TypeAlias = Callable[..., Any]


class Part(NamedTuple):
    """What the compiler needs of a clause."""

    condition: Node
    values: tuple[Node, ...]  # that its messages show


class Program(NamedTuple):
    """A compiled rule, without state.

    ``fold(rows, slot, columns, F, I, P, N, want, OI, OF)`` folds rows and returns how many fired.
    A fired row is RECORD ints in OI and ``width`` floats in OF: the level, then the values.
    ``N`` is the lapse that makes a condition unknown, then the least count of every need.
    """

    fold: Function
    source: str
    columns: tuple[Column, ...]
    literals: tuple[float, ...]
    needs: tuple[Need, ...]
    blocks: tuple[StateBlock, ...]  # of each clause
    floats: int  # state of a slot
    ints: int
    width: int


class ColumnProgram(NamedTuple):
    """A compiled expression: ``fold(rows, columns, P, out)``."""

    fold: Function
    columns: tuple[Column, ...]
    literals: tuple[float, ...]


def compile_rule(parts: Sequence[Part], least_bars: int) -> Program:
    """Generate the function of a rule. It may fire after ``least_bars`` bars at the earliest."""
    source = Translation()
    width = 1 + max(len(part.values) for part in parts)
    reads = [node for part in parts for node in (part.condition, *part.values)]
    needs = [need for node in reads for need in needs_of(node)]
    if least_bars:
        needs.append(Need(BARS, least_bars, least_bars, "bars"))
    ready = source.name(source.warm(needs))
    blocks: list[StateBlock] = []
    for number, part in enumerate(parts):
        with source.own_state() as taken:
            _clause(source, number, part, (ready, width))
        blocks += taken
    head = [
        "def fold(rows, slot, columns, F, I, P, N, want, OI, OF):",
        *_unpacked(source),
        "    fired = 0",
        "    for r in range(rows):",
        "        s = slot[r]",
        "        if want[s] == 0:",
        "            continue",
        f"        f = s * {source.floats}",
        f"        i = s * {source.ints}",
    ]
    text = "\n".join((*head, source.lines(), "    return fired\n"))
    return Program(
        _function(text, "fold"),
        text,
        tuple(source.columns),
        tuple(source.literals),
        tuple(source.needs),
        tuple(blocks),
        source.floats,
        source.ints,
        width,
    )


def compile_column(node: Node) -> ColumnProgram:
    """Generate the function that computes a number for every row."""
    source = Translation()
    source.line(f"out[r] = {source.number(node)}")
    head = [
        "def fold(rows, columns, P, out):",
        *_unpacked(source),
        "    for r in range(rows):",
    ]
    text = "\n".join((*head, source.lines(), ""))
    fold = _function(text, "fold")
    return ColumnProgram(fold, tuple(source.columns), tuple(source.literals))


def _clause(source: Source, number: int, part: Part, frame: tuple[str, int]) -> None:
    ready, width = frame
    node = part.condition
    if node.type is Type.EVENT:
        event = source.event(node)
        fires = f"if {ready} and {event.truth} == 1:"
    else:
        event = Event(source.truth(node), "0", "0", "NAN")
        seen = source.new_int()
        was = source.name(seen)
        with source.block(f"if {source.column(LAPSE)} > stale:"):
            source.line(f"{was} = 0")  # after a gap it must be seen false again
        source.line(f"{seen} = {event.truth} if {ready} else 0")
        fires = f"if {ready} and {event.truth} == 1 and {was} == -1:"
    for value in part.values:
        if _remembers(value):
            source.number(value)  # a cross sees every bar, fired or not
    with source.block(fires):
        record = ("r", str(number), event.direction, event.gap)
        for place, word in enumerate(record):
            source.line(f"OI[fired * {RECORD} + {place}] = {word}")
        source.line(f"OF[fired * {width}] = {event.level}")
        for place, shown in enumerate(part.values, start=1):
            source.line(f"OF[fired * {width} + {place}] = {source.number(shown)}")
        source.line("fired += 1")


def _remembers(node: Node) -> bool:
    happens = isinstance(node, Call) and node.type is Type.EVENT
    return happens or any(map(_remembers, children(node)))


def _unpacked(source: Source) -> list[str]:
    names = [f"c{place}" for place in range(len(source.columns))]
    lines = [f"    {', '.join(names)}, = columns"] if names else []
    lines += [f"    p{place} = P[{place}]" for place in range(len(source.literals))]
    lines += [f"    n{place} = N[{place + 1}]" for place in range(len(source.needs))]
    return [*lines, "    stale = N[0]"] if source.ints else lines


@lru_cache(maxsize=4096)
def _function(text: str, name: str) -> Function:
    """Compile source once; rules that differ only in numbers share the function."""
    found: dict[str, Any] = {"NAN": float("nan")}
    exec(compile(text, f"<rule {name}>", "exec"), found)  # noqa: S102 (text is generated from typed nodes: names and numbers of the user never stand in it)
    function: Function = found[name]
    return function
