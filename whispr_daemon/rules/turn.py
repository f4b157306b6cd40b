"""The clauses of a rule that are evaluated together: columns in, what came of each clause out."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from whispr_daemon.domain.outputs import Direction
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.column import SLOT
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.columns.values import Values
from whispr_daemon.rules.compile.compiler import compile_rule
from whispr_daemon.rules.compile.record import RECORD, Verdict
from whispr_daemon.rules.jit import Compiler, Function
from whispr_daemon.rules.nodes import Node, Type
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.spelling import spelling
from whispr_daemon.rules.tree import canonical

NOWHERE: Final = -1  # a row to trace that there is not

Plain: TypeAlias = float | bool | str | None

_DIRECTIONS: Final[dict[int, Direction]] = {1: "up", -1: "down", 0: ""}
_TRUTHS: Final[dict[float, Plain]] = {1.0: True, -1.0: False}


class View(NamedTuple):
    """What the rules of one clock see of a batch: its evaluated rows."""

    slot: list[int]
    at: list[int]  # the place of each row in the batch
    ts: list[int]
    values: Values
    symbols: list[str]  # by slot


class Shown(NamedTuple):
    """A value that a clause's records carry."""

    node: Node
    key: str  # canonical
    text: str  # as people write it


class Evaluated(NamedTuple):
    """What came of one clause of a rule at one row."""

    row: int
    clause: int  # in the rule; -1: it is about the rule
    verdict: Verdict
    ts: int  # ns UTC
    slot: int
    direction: Direction
    gap: bool
    level: float  # NaN: none
    code: int  # of an error: BY_ZERO or OVERFLOW; of a sequence: steps done
    shown: tuple[Shown, ...]
    numbers: tuple[
        float, ...
    ]  # of what is shown: NaN na, truths 1 0 -1, ns, minutes, a word's index

    @property
    def values(self) -> dict[str, Plain]:
        """Return each value by the spelling of its node; None is na."""
        return {
            one.text: plain(one.node, number)
            for one, number in zip(self.shown, self.numbers, strict=True)
        }


def plain(node: Node, number: float) -> Plain:
    """Return a value as plain data."""
    if number != number:
        return None
    match node.type:
        case Type.BOOL | Type.EVENT:
            return _TRUTHS.get(number)
        case Type.STR:
            return node.words[int(number)]
        case _:
            return number


class Asked(NamedTuple):
    """What a rule says of a run of its turns."""

    want: Sequence[int]  # by slot: 0 where it does not look
    variables: Table
    least: Sequence[int]  # the lapse that makes what was seen unknown, then of each need the count


class Turn:
    """Clauses of one rule with one clock, at work."""

    def __init__(
        self, rule: Rule, numbers: Sequence[int], clock: Clock, board: Board, compiler: Compiler
    ) -> None:
        """Compile the clauses; they start unarmed."""
        self.clock = clock
        self.program = compile_rule(rule, numbers, board.asked)
        self.table = Table(self.program.floats, self.program.ints)
        self._board = board
        self._compiler = compiler
        self._shown = {
            part.number: tuple(Shown(node, canonical(node), spelling(node)) for node in part.shown)
            for part in self.program.parts
        }
        self._wholes = self._placed(rule.name)
        self._ints = [0] * (self.program.room * RECORD)
        self._floats = [0.0] * (self.program.room * self.program.width)

    def run(
        self, view: View, asked: Asked, span: tuple[int, int], trace: int = NOWHERE
    ) -> Iterator[Evaluated]:
        """Fold the rows of a span of a view; yield what is written down, by row and clause.

        Of the row ``trace`` every clause is yielded, whatever came of it.
        """
        begin, end = span
        quick = self._compiler.compiled(self.program.recipe, end - begin)
        records = self._quick(quick, view, asked) if quick else self._plain(view, asked)
        while begin < end:
            count, begin = records.fold(begin, end, *records.given, trace)
            ints, floats = records.ints, records.floats
            if quick:
                ints, floats = ints[: count * RECORD].tolist(), floats.tolist()
            for number in range(count):
                yield self._evaluated(number, view, ints, floats)

    def _plain(self, view: View, asked: Asked) -> "_Records":
        """Return the arguments of the function as it is written: lists and memoryviews."""
        program, slots = self.program, len(view.symbols)
        state = self.table.state(slots)
        given = (
            view.slot,
            tuple(view.values[column] for column in program.columns),
            state.floats,
            state.ints,
            asked.variables.state(slots).floats,
            self._board.table.state(slots).ints,
            program.literals,
            self._wholes,
            asked.least,
            asked.want,
            self._ints,
            self._floats,
        )
        return _Records(program.fold, given, self._ints, self._floats)

    def _quick(self, fold: Function, view: View, asked: Asked) -> "_Records":
        """Return the arguments of the compiled function: arrays of the same."""
        program, slots = self.program, len(view.symbols)
        for table in (self.table, asked.variables, self._board.table):
            table.reserve(slots)
        ints = np.zeros(program.room * RECORD, dtype=np.int64)
        floats = np.zeros(program.room * program.width)
        given = (
            view.values.array(SLOT),
            tuple(view.values.array(column) for column in program.columns),
            self.table.floats.reshape(-1),
            self.table.ints.reshape(-1),
            asked.variables.floats.reshape(-1),
            self._board.table.ints.reshape(-1),
            np.array(program.literals, dtype=np.float64),
            np.array(self._wholes, dtype=np.int64),
            np.array(asked.least, dtype=np.int64),
            np.array(asked.want, dtype=np.int64),
            ints,
            floats,
        )
        return _Records(fold, given, ints, floats)

    def _evaluated(
        self, number: int, view: View, ints: Sequence[int], floats: Sequence[float]
    ) -> Evaluated:
        record = ints[number * RECORD : (number + 1) * RECORD]
        row, clause, verdict, direction, gap, code = record
        shown = self._shown.get(clause, ()) if verdict != Verdict.OFF else ()
        first = number * self.program.width
        level, *numbers = floats[first : first + 1 + len(shown)]
        return Evaluated(
            row,
            clause,
            Verdict(verdict),
            view.ts[row],
            view.slot[row],
            _DIRECTIONS[direction],
            bool(gap),
            level,
            code,
            shown,
            tuple(numbers),
        )

    def _placed(self, rule: str) -> list[int]:
        """Return the integers of the program, with the places of its signals on the board."""
        wholes = list(self.program.wholes)
        wholes[self.program.board_width] = self._board.width
        for signal, shadow, place in self.program.heard:
            wholes[place : place + 2] = self._board.place(signal, rule if shadow else "")
        return wholes


class _Records(NamedTuple):
    """A function, its arguments, and where its records go."""

    fold: Function
    given: tuple[Any, ...]
    ints: Any
    floats: Any
