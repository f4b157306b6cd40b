"""Rules that differ in numbers only and hear nobody: one kernel folds them all, one after another.

Their state, their numbers and the columns they read lie behind each other in memory. As long as
there is no kernel each is folded by itself as it is written.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.board import Board
from whispr_daemon.rules.column import SLOT
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.stack import Stack
from whispr_daemon.rules.compile.many import STATE, many_recipe
from whispr_daemon.rules.compile.record import RECORD
from whispr_daemon.rules.evaluated import View
from whispr_daemon.rules.found import Came, Job
from whispr_daemon.rules.jit import Function
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.sheet import Sheet
from whispr_daemon.rules.turn import Records

LEAST: Final = 8  # rules, for which it pays to copy the columns they read
_A_CALL: Final = 25  # rows, folded as they are written in the time it takes to call a rule for them
_ROOM: Final = 2_048  # records of all rules that are written down at a time


class Alike:
    """Rules of one shape and one clock, each with a single turn.

    Attributes:
        clock: of their turns.
    """

    def __init__(self, members: Sequence[tuple[int, Running]], board: Board, sheet: Sheet) -> None:
        """``members`` are rules with their ranks; the recipe of their turns is the same.

        ``sheet`` is of the columns of their clock.
        """
        self._members = members
        self._board = board
        self._sheet = sheet
        self._wants = members[0][1].listed
        turns = [running.turns[0] for _, running in members]
        program, self._compiler = turns[0].program, turns[0].compiler
        self.clock: Final[Clock] = turns[0].clock
        self._recipe = many_recipe(program)
        self._room = _ROOM + program.room
        self._width = program.width
        self._state = Stack([turn.table for turn in turns])
        self._variables = Stack([running.variables for _, running in members])
        numbers = [turn.numbers() for turn in turns]
        least = [running.least(running.turns[0]) for _, running in members]
        self._numbers: tuple[NDArray[Any], ...] = (
            np.concatenate([literals for literals, _ in numbers]),
            np.concatenate([wholes for _, wholes in numbers]),
            np.concatenate(least),
        )
        columns = [[sheet.number(one) for one in turn.program.columns] for turn in turns]
        self._at = np.zeros((len(turns), STATE + len(program.columns)), dtype=np.int64)
        self._at[:, STATE:] = columns
        self._wanted = np.array([running.wanted for _, running in members], dtype=np.int64)

    def fold(self, view: View) -> Iterator[Came]:
        """Fold the rows of a view; yield what came of each rule of which something came."""
        rows = view.rows
        kernel = self._compiler.compiled(self._recipe, (rows + _A_CALL) * len(self._members))
        if kernel is not None:
            yield from self._folded(kernel, view)
            return
        for rank, running in self._members:
            if not running.looks_at(view):
                continue
            turn = running.turns[0]
            records = running.as_written(turn, view).records(0, rows)
            yield Came(Job(rank, running, turn, view), records)

    def _folded(self, kernel: Function, view: View) -> Iterator[Came]:
        count, width = len(self._members), self._width
        given, told = self._given(view), np.zeros(count, dtype=np.int64)
        ints, floats = self._board.scratch.arrays(self._room * RECORD, self._room * self._width)
        parts: dict[int, list[Records]] = {}
        number, begin = 0, 0
        while number < count:
            told[:] = 0
            size, number, begin = kernel(
                number, begin, count, view.rows, *given, ints, floats, told, self._room
            )
            if size == 0:  # which is what comes of most rows
                continue
            whole, broken, first = ints[: size * RECORD].copy(), floats[: size * width].copy(), 0
            for member in told.nonzero()[0].tolist():
                last = first + int(told[member])
                part = whole[first * RECORD : last * RECORD], broken[first * width : last * width]
                parts.setdefault(member, []).append(Records(last - first, *part))
                first = last
        for member, written in parts.items():
            rank, running = self._members[member]
            yield Came(Job(rank, running, running.turns[0], view), Records.joined(written))

    def _given(self, view: View) -> tuple[Any, ...]:
        """Return the arguments of the kernel from the slots to ``want``."""
        slots = len(view.symbols)
        self._wants.meet(view.symbols)
        self._sheet.fill(view)
        self._board.table.reserve(slots)
        self._state.gather(slots)
        self._variables.gather(slots)
        self._at[:, :2] = self._state.places
        self._at[:, 2] = self._variables.places[:, 0]
        self._at[:, 3] = self._wanted * self._wants.table.shape[1]
        return (
            view.values.array(SLOT),
            self._sheet.floats,
            self._sheet.ints,
            self._at.reshape(-1),
            self._state.floats,
            self._state.ints,
            self._variables.floats,
            self._board.table.ints.reshape(-1),
            *self._numbers,
            self._wants.table.reshape(-1),
        )
