"""The clauses of a rule that are evaluated together: columns in, what came of each clause out."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from whispr_daemon.domain.outputs import Direction
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.columns.bank import Values
from whispr_daemon.rules.columns.frames import Clock
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.compile.compiler import compile_rule
from whispr_daemon.rules.compile.parts import Part
from whispr_daemon.rules.compile.record import RECORD, Verdict
from whispr_daemon.rules.nodes import Node, Type
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.spelling import spelling

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
    nodes: tuple[Node, ...]
    numbers: tuple[float, ...]  # of the nodes: NaN na, truths 1 0 -1, ns, minutes, a word's index

    @property
    def values(self) -> dict[str, Plain]:
        """Return the value of each node by its spelling; None is na."""
        return {
            spelling(node): plain(node, number)
            for node, number in zip(self.nodes, self.numbers, strict=True)
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


class Turn:
    """Clauses of one rule with one clock, at work."""

    def __init__(self, rule: Rule, numbers: Sequence[int], clock: Clock, board: Board) -> None:
        """Compile the clauses; they start unarmed."""
        self.clock = clock
        self.program = compile_rule(rule, numbers, board.asked)
        self.table = Table(self.program.floats, self.program.ints)
        self._board = board
        self._parts = {part.number: part for part in self.program.parts}
        self._wholes = self._placed(rule.name)
        self._ints = [0] * (self.program.room * RECORD)
        self._floats = [0.0] * (self.program.room * self.program.width)

    def run(
        self,
        view: View,
        want: Sequence[int],
        variables: Table,
        least: Sequence[int],
        span: tuple[int, int],
        trace: int = NOWHERE,
    ) -> Iterator[Evaluated]:
        """Fold the rows of a span of a view; yield what is written down, by row and clause.

        ``least`` is the lapse that makes what was seen unknown, then the least count of each need.
        Of the row ``trace`` every clause is yielded, whatever came of it.
        """
        program, slots = self.program, len(view.symbols)
        columns = tuple(view.values[column] for column in program.columns)
        state = self.table.state(slots)
        begin, end = span
        while begin < end:
            count, begin = program.fold(
                begin,
                end,
                view.slot,
                columns,
                state.floats,
                state.ints,
                variables.state(slots).floats,
                self._board.table.state(slots).ints,
                program.literals,
                self._wholes,
                least,
                want,
                self._ints,
                self._floats,
                trace,
            )
            for number in range(count):
                yield self._evaluated(number, view)

    def _evaluated(self, number: int, view: View) -> Evaluated:
        row, clause, verdict, direction, gap, code = self._ints[
            number * RECORD : (number + 1) * RECORD
        ]
        part: Part | None = self._parts.get(clause)
        nodes = part.shown if part is not None and verdict != Verdict.OFF else ()
        first = number * self.program.width
        level, *numbers = self._floats[first : first + 1 + len(nodes)]
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
            nodes,
            tuple(numbers),
        )

    def _placed(self, rule: str) -> list[int]:
        """Return the integers of the program, with the places of its signals on the board."""
        wholes = list(self.program.wholes)
        wholes[self.program.board_width] = self._board.width
        for signal, shadow, place in self.program.heard:
            wholes[place : place + 2] = self._board.place(signal, rule if shadow else "")
        return wholes
