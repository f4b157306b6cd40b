"""Checked rules to one generated function each: rows in, records out."""

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from typing import Any, Final, NamedTuple

from whispr_daemon.rules.column import BARS, DATE, DAY, LAPSE, Column, Need, is_whole
from whispr_daemon.rules.compile.clause import write_clause
from whispr_daemon.rules.compile.codegen import Heard, Translation
from whispr_daemon.rules.compile.parts import Part, at_work, emitted, parts_of
from whispr_daemon.rules.compile.record import PER_CLAUSE, Verdict
from whispr_daemon.rules.compile.said import say
from whispr_daemon.rules.compile.writing import Writing
from whispr_daemon.rules.functions.warmth import needs_of
from whispr_daemon.rules.jit import Argument, Function, Group, Recipe
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.rule import Held, Rule
from whispr_daemon.rules.source import NOT_NEGATIVE, Source, StateBlock

ROOM: Final = 1_024  # records, and what one row may write

ARGUMENTS: Final = "begin, rows, slot, columns, F, I, V, B, P, Q, N, want, OI, OF, trace"
# What the lines of functions refer to.
NAMES: Final = (("NAN", math.nan), ("sqrt", math.sqrt), ("log", math.log), ("exp", math.exp))
SAYING: Final = (*NAMES, ("say", say))

# What stands around the lines of a row.
_LOOP: Final = "    fired = 0\n    for row in range(begin, rows):"
_SKIP: Final = "        if want[s] == 0:\n            continue"
_END: Final = "    return fired, rows\n"
_READ: Final = re.compile(r"\b(c\d+)\[r\]")


class Program(NamedTuple):
    """A compiled rule, or the clauses of it that are evaluated together, without state.

    ``fold(begin, rows, slot, columns, F, I, V, B, P, Q, N, want, OI, OF, trace)`` folds the rows
    from ``begin`` on. It returns how many records it has written, and the row at which to go on:
    ``rows``, or an earlier one when there was no room for the records of another row.

    F, I: state of the clauses. V: of the rule's variables, two floats each: what its scope was, and
    its value. B: the board. P, Q: ``literals`` and ``wholes``. N: the lapse that makes what was
    seen unknown, then the least count of every need. ``want[slot]`` is 0 where the rule does not
    look. Of the row ``trace`` (-1: none) the verdict on every clause is written down.
    A record is RECORD ints in OI (:mod:`whispr_daemon.rules.compile.record`) and ``width`` floats
    in OF: the level, then the values of ``Part.shown``.
    """

    fold: Function
    recipe: Recipe  # of the same, for a compiler
    parts: tuple[Part, ...]
    columns: tuple[Column, ...]
    literals: tuple[float, ...]
    wholes: tuple[int, ...]
    heard: tuple[Heard, ...]
    board_width: int  # where in ``wholes`` the width of the board goes
    needs: tuple[Need, ...]
    blocks: tuple[StateBlock, ...]  # of each part
    floats: int  # state of a slot
    ints: int
    width: int
    room: int  # records for which OI and OF need room


class ColumnProgram(NamedTuple):
    """A compiled expression: ``fold(rows, columns, P, out)``."""

    fold: Function
    recipe: Recipe
    columns: tuple[Column, ...]
    literals: tuple[float, ...]


def compile_rule(rule: Rule, numbers: Sequence[int], asked_of: frozenset[str]) -> Program:
    """Generate the function of some of a rule's clauses; ``asked_of`` are the signals to keep."""
    parts = parts_of(rule, numbers)
    source = Translation([held.name for held in rule.variables])
    source.on_ticks = any(part.clause.evaluate == "tick" for part in parts)
    width = 1 + max((len(part.shown) for part in parts), default=0)
    writing = Writing(source, source.whole(width), asked_of)
    most = PER_CLAUSE * len(parts) + 1
    full = source.whole(ROOM)

    for at, held in enumerate(rule.variables):
        _write_reset(source, at, held)
    ready = source.name(source.warm(list(_needs(rule, parts))))
    with source.block(f"if {source.column(LAPSE)} > stale:"):
        writing.bare(-1, Verdict.DATA_GAP)
    blocks: list[StateBlock] = []
    for part in parts:
        source.hidden = _hidden(rule) & asked_of if part.shadow else frozenset()
        with source.own_state() as taken:
            write_clause(source, part, ready, writing)
        blocks += taken

    head = [
        f"def fold({ARGUMENTS}):",
        *_unpacked(source),
        "    stale = N[0]",
        _LOOP,
        f"        r = row & {NOT_NEGATIVE}",
        f"        if fired >= {full}:",
        "            return fired, r",
        "        s = slot[r]",
        _SKIP,
    ]
    if rule.variables:
        head.append(f"        v = s * {2 * len(rule.variables)}")
    text = "\n".join((*head, source.lines(), _END))
    return Program(
        _function(text, "fold"),
        _fold_recipe(text, source),
        tuple(parts),
        tuple(source.columns),
        tuple(source.literals),
        tuple(source.wholes),
        tuple(source.heard),
        int(source.board_width[1:]),
        tuple(source.needs),
        tuple(blocks),
        source.floats,
        source.ints,
        width,
        ROOM + most,
    )


@lru_cache(maxsize=1024)
def row_recipe(fold: Recipe) -> Recipe:
    """Return the recipe of the lines of a :class:`Program` for a single row, by its own.

    ``row(r, s, columns, F, I, V, B, P, Q, N, OI, OF, fired, trace)`` returns how many records are
    written then. ``columns`` are the values of the row itself; P, Q and N are tuples of the same
    numbers, of which a loop around it knows that nobody writes to them; ``s`` is the slot. It is
    there for who calls it: its arguments have no types of their own.
    """
    head, _, lines = fold.text.partition(_SKIP)
    (_, unpacked), body = head.partition(_LOOP)[0].split("\n", 1), lines.removesuffix(_END)
    arguments = "r, s, columns, F, I, V, B, P, Q, N, OI, OF, fired, trace"
    body = _READ.sub(r"\1", body)
    text = f"({arguments}):\n{unpacked}    if s >= 0:{body}    return fired\n"
    name = f"row_{sha256(text.encode()).hexdigest()[:16]}"
    return Recipe(name, f"def {name}{text}", fold.names, ())


def compile_column(node: Node) -> ColumnProgram:
    """Generate the function that computes a number for every row."""
    source = Translation()
    source.line(f"out[r] = {source.number(node)}")
    head = [
        "def fold(rows, columns, P, out):",
        *_columns(source),
        *_literals(source),
        "    for r in range(rows):",
    ]
    text = "\n".join((*head, source.lines(), ""))
    recipe = Recipe("fold", text, NAMES, ("int", _given(source), "floats", "floats"))
    fold = _function(text, "fold")
    return ColumnProgram(fold, recipe, tuple(source.columns), tuple(source.literals))


def _needs(rule: Rule, parts: Sequence[Part]) -> Iterator[Need]:
    """Yield what must be warm before any clause may fire."""
    for part in parts:
        yield from chain.from_iterable(map(needs_of, part.trees))
    if rule.inputs.bars:
        yield Need(BARS, rule.inputs.bars, rule.inputs.bars, "bars")


def _hidden(rule: Rule) -> frozenset[str]:
    """Return the signals that clauses in shadow mode say: to themselves."""
    clauses = at_work(rule, range(len(rule.clauses)))
    return frozenset(name for _, clause, shadow in clauses if shadow for name in emitted(clause))


def _write_reset(source: Source, at: int, held: Held) -> None:
    """Give a variable its first value when its scope begins."""
    scope = "0"
    if held.reset != "never":
        scope = source.column(DATE if held.reset == "session" else DAY)
    with source.block(f"if V[v + {2 * at}] != {scope}:"):
        source.line(f"V[v + {2 * at}] = {scope}")
        source.line(f"V[v + {2 * at + 1}] = {source.literal(held.init)}")


def _columns(source: Source) -> list[str]:
    names = [f"c{place}" for place in range(len(source.columns))]
    return [f"    {', '.join(names)}, = columns"] if names else []


def _literals(source: Source) -> list[str]:
    return [f"    p{place} = P[{place}]" for place in range(len(source.literals))]


def _unpacked(source: Source) -> list[str]:
    lines = [*_columns(source), *_literals(source)]
    lines += [f"    q{place} = Q[{place}]" for place in range(len(source.wholes))]
    return [*lines, *(f"    n{place} = N[{place + 1}]" for place in range(len(source.needs)))]


def _fold_recipe(text: str, source: Translation) -> Recipe:
    states: list[Argument] = ["floats", "ints", "floats", "ints"]  # F, I, V, B
    given: list[Argument] = ["floats", "ints", "ints", "ints"]  # P, Q, N, want
    takes = ("int", "int", "ints", _given(source), *states, *given, "ints", "floats", "int")
    return _only(Recipe("fold", text, SAYING if source.heard else NAMES, takes))


@lru_cache(maxsize=4096)
def _only(recipe: Recipe) -> Recipe:
    """Return one of all recipes that are equal: who asks for the same one is known by sight."""
    return recipe


def _given(source: Source) -> Group:
    """Return the type of the columns."""
    return Group(tuple("ints" if is_whole(column) else "floats" for column in source.columns))


@lru_cache(maxsize=4096)
def _function(text: str, name: str) -> Function:
    """Compile source once; rules that differ only in numbers share the function."""
    found: dict[str, Any] = dict(SAYING)
    exec(compile(text, f"<rule {name}>", "exec"), found)  # noqa: S102 (text is generated from typed nodes: names and numbers of the user never stand in it)
    function: Function = found[name]
    return function
