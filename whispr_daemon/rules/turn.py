"""The clauses of a rule that are evaluated together: columns in, what came of each clause out."""

from collections.abc import Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.outputs import Direction
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.column import ORDER, SLOT, TS, Column, ended
from whispr_daemon.rules.columns.clock import Clock, clock_of
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.columns.values import Given, Values
from whispr_daemon.rules.compile.compiler import compile_rule
from whispr_daemon.rules.compile.record import RECORD, Verdict
from whispr_daemon.rules.evaluated import Evaluated, Shown, View
from whispr_daemon.rules.jit import Compiler, Function
from whispr_daemon.rules.lateness import Reference
from whispr_daemon.rules.nodes import AsOf, Node, Type
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.spelling import spelling
from whispr_daemon.rules.tree import canonical
from whispr_daemon.rules.wants import Wants

NOWHERE: Final = -1  # a row to trace that there is not

_DIRECTIONS: Final[dict[int, Direction]] = {1: "up", -1: "down", 0: ""}
_VERDICTS: Final = tuple(Verdict)  # by number
_PRICE: Final = Column("price")
_NONE_LATE: Final[Mapping[str, int]] = MappingProxyType({})


class Records(NamedTuple):
    """What a pass wrote down, by row and clause: RECORD ints each, and as many floats as it says.

    Flat lists, or arrays where it is compiled.
    """

    size: int
    ints: Given
    floats: Given

    def listed(self) -> tuple[list[int], list[float]]:
        """Return ints and floats as lists."""
        ints, floats = self.ints, self.floats
        return (
            ints if isinstance(ints, list) else ints.tolist(),
            floats if isinstance(floats, list) else floats.tolist(),
        )

    @classmethod
    def joined(cls, parts: "Sequence[Records]") -> "Records":
        """Return what was written down in some runs, one after the other, as one."""
        if len(parts) == 1:
            return parts[0]
        total = sum(part.size for part in parts)
        ints, floats = [part.ints for part in parts], [part.floats for part in parts]
        if isinstance(ints[0], np.ndarray):
            return cls(total, np.concatenate(ints), np.concatenate(floats))
        return cls(total, list(chain.from_iterable(ints)), list(chain.from_iterable(floats)))


class ShownValues(NamedTuple):
    """The values that a clause's records carry, and those of them that are of other symbols."""

    all: tuple[Shown, ...]
    others: tuple[Shown, ...]


_NOTHING: Final = Records(0, [], [])
_BARE: Final = frozenset({Verdict.OFF, Verdict.DATA_GAP})  # records without values
_NOTHING_SHOWN: Final = ShownValues((), ())


class Asked(NamedTuple):
    """What a rule says of a run of its turns."""

    wants: Wants
    wanted: int  # the number of its list of symbols there
    variables: Table
    least: Sequence[int]  # the lapse that makes what was seen unknown, then of each need the count
    least_array: NDArray[np.int64]


class Turn:
    """Clauses of one rule with one clock, at work."""

    def __init__(
        self,
        rule: Rule,
        numbers: Sequence[int],
        settings: RuleSettings,
        board: Board,
        compiler: Compiler,
    ) -> None:
        """Compile the clauses, all evaluated on bars or all on ticks; they start unarmed."""
        self.clock = clock_of(rule.inputs, rule.clauses[numbers[0]].evaluate)
        self.program = compile_rule(rule, numbers, board.asked)
        self.table = Table(self.program.floats, self.program.ints)
        self._board = board
        self.compiler = compiler
        self._settings = settings
        self._shown: dict[int, ShownValues] = {}  # of the clauses of which something came
        self._wholes = self._placed(rule.name)
        self._room = self.program.room * RECORD, self.program.room * self.program.width
        self._numbers: tuple[NDArray[Any], ...] | None = None  # literals and wholes as arrays

    def shown(self, clause: int) -> Sequence[Shown] | None:
        """Return the values that records of a clause carry; None where some may be late."""
        found = self._values(clause)
        return None if found.others else found.all

    def over(self, view: View, asked: Asked, rows: int) -> "Pass":
        """Return what folds the rows of a view, about so many at a time.

        It is good until an instrument appears or the state is cleared.
        """
        quick = self.compiler.compiled(self.program.recipe, rows)
        given = self._arrays(view, asked) if quick else self._lists(view, asked)
        return Pass(quick or self.program.fold, given, view, self)

    def as_written(self, view: View, asked: Asked) -> "Pass":
        """Return the same, not compiled."""
        return Pass(self.program.fold, self._lists(view, asked), view, self)

    def evaluated(self, found: Records, view: View) -> list[Evaluated]:
        """Return what a pass over a view wrote down, one by one."""
        ints, floats = found.listed()
        rows = ints[::RECORD]
        values, width = view.values, self.program.width
        of_row = [values.at(column, rows) for column in (TS, SLOT, _PRICE, ORDER)]
        records = zip(*(ints[at::RECORD] for at in range(RECORD)), *of_row, strict=True)
        made: list[Evaluated] = []
        first = 0
        for row, clause, verdict, direction, gap, code, ts, slot, price, order in records:
            shown, others = self._values(clause) if verdict not in _BARE else _NOTHING_SHOWN
            made.append(
                Evaluated(
                    row,
                    clause,
                    _VERDICTS[verdict],
                    ts,
                    slot,
                    _DIRECTIONS[direction],
                    gap == 1,
                    floats[first],
                    code,
                    shown,
                    tuple(floats[first + 1 : first + 1 + len(shown)]),
                    _late(others, values, row, ts) if others else _NONE_LATE,
                    price,
                    order,
                )
            )
            first += width
        return made

    def _lists(self, view: View, asked: Asked) -> tuple[Any, ...]:
        """Return the arguments of the function as it is written: lists and memoryviews."""
        program, slots = self.program, len(view.symbols)
        state = self.table.state(slots)
        return (
            view.slot,
            tuple(view.values[column] for column in program.columns),
            state.floats,
            state.ints,
            asked.variables.state(slots).floats,
            self._board.table.state(slots).ints,
            program.literals,
            self._wholes,
            asked.least,
            asked.wants.table[asked.wanted].data,
            *self._board.scratch.lists(*self._room),
        )

    def _arrays(self, view: View, asked: Asked) -> tuple[Any, ...]:
        """Return the arguments of the compiled function: arrays of the same."""
        return (
            view.values.array(SLOT),
            view.values.arrays(self.program.columns),
            *self.arrays(view, asked),
            *self._board.scratch.arrays(*self._room),
        )

    def arrays(self, view: View, asked: Asked) -> tuple[NDArray[Any], ...]:
        """Return state, numbers and ``want`` of the same: F, I, V, B, P, Q, N, want."""
        slots = len(view.symbols)
        for table in (self.table, asked.variables, self._board.table):
            table.reserve(slots)
        return (
            self.table.floats.reshape(-1),
            self.table.ints.reshape(-1),
            asked.variables.floats.reshape(-1),
            self._board.table.ints.reshape(-1),
            *self.numbers(),
            asked.least_array,
            asked.wants.table[asked.wanted],
        )

    def numbers(self) -> tuple[NDArray[Any], ...]:
        """Return the literals and wholes of its function as arrays."""
        if self._numbers is None:
            literals = np.array(self.program.literals, dtype=np.float64)
            self._numbers = literals, np.array(self._wholes, dtype=np.int64)
        return self._numbers

    def _values(self, clause: int) -> ShownValues:
        """Return what the records of a clause carry; it is spelled when something comes of it."""
        found = self._shown.get(clause)
        if found is None:
            (part,) = (part for part in self.program.parts if part.number == clause)
            shown = tuple(_shown(node, self.clock, self._settings) for node in part.shown)
            others = tuple(one for one in shown if one.other is not None)
            found = self._shown[clause] = ShownValues(shown, others)
        return found

    def _placed(self, rule: str) -> list[int]:
        """Return the integers of the program, with the places of its signals on the board."""
        wholes = list(self.program.wholes)
        wholes[self.program.board_width] = self._board.width
        for signal, shadow, place in self.program.heard:
            wholes[place : place + 2] = self._board.place(signal, rule if shadow else "")
        return wholes


class Pass:
    """A turn over the rows of one view: its function with all it is given."""

    def __init__(self, function: Function, given: tuple[Any, ...], view: View, turn: Turn) -> None:
        """``given`` ends with where records go: ints and floats, ``width`` of these each."""
        self.view = view
        self._function = function
        self._given = given
        self._ints, self._floats = given[-2:]
        self._turn = turn

    def fold(self, begin: int, end: int, trace: int = NOWHERE) -> Sequence[Evaluated]:
        """Fold rows; return what is written down, by row and clause.

        Of the row ``trace`` every clause is there, whatever came of it.
        """
        found = self.records(begin, end, trace)
        return self._turn.evaluated(found, self.view) if found.size else ()

    def records(self, begin: int, end: int, trace: int = NOWHERE) -> Records:
        """Fold rows like :meth:`fold`; return what is written down as it is."""
        count, begin = self._function(begin, end, *self._given, trace)
        if count == 0:  # which is what comes of most rows
            return _NOTHING
        found = self._taken(count)
        if begin == end:
            return found
        parts = [found]
        while begin < end:  # there was no room for more
            count, begin = self._function(begin, end, *self._given, trace)
            parts.append(self._taken(count))
        return Records.joined(parts)

    def _taken(self, count: int) -> Records:
        """Return what was written down: lists stay as they are until the next run."""
        width = self._turn.program.width
        return Records(
            count, self._ints[: count * RECORD].copy(), self._floats[: count * width].copy()
        )


def _late(others: tuple[Shown, ...], values: Values, row: int, ts: int) -> dict[str, int]:
    """Return when the bars ended whose values are shown, of those where a later one was due."""
    late: dict[str, int] = {}
    for one in others:
        (end,) = values.at(ended(one.key), [row])
        if one.other is not None and one.other.late(end, ts) and end:
            late[one.text] = end
    return late


def _shown(node: Node, clock: Clock, settings: RuleSettings) -> Shown:
    other = None
    if isinstance(node, AsOf) and node.symbol:
        other = Reference(node, clock, settings)
    number = node.type not in (Type.BOOL, Type.EVENT, Type.STR)
    return Shown(node, canonical(node), spelling(node), other, number)
