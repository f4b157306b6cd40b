"""Columns of prices, indicators and expressions over them."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from whispr_daemon.domain.batch import Rows
from whispr_daemon.rules.column import DATE, Column
from whispr_daemon.rules.columns.desk import FIELDS, Desk
from whispr_daemon.rules.columns.maker import Maker
from whispr_daemon.rules.columns.slots import picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.compile.compiler import compile_column
from whispr_daemon.rules.functions.folds import (
    NAN,
    Input,
    Ints,
    Output,
    Place,
    State,
    Step,
    fold,
)
from whispr_daemon.rules.functions.table import fold_of
from whispr_daemon.rules.nodes import Node, Series
from whispr_daemon.rules.tree import canonical


class MeanMaker(Maker):
    """hl2, hlc3, ohlc4."""

    @override
    def fill(self) -> None:
        if self.desk.frame is not None:
            self.desk.values[Column(self.key)] = mean_price(self.key, self.desk.rows()).tolist()


class ExpressionMaker(Maker):
    """A number of a row's other columns."""

    def __init__(self, desk: Desk, node: Node) -> None:
        """Compile the expression."""
        super().__init__(desk, canonical(node))
        self._program = compile_column(node)

    @override
    def fill(self) -> None:
        desk = self.desk
        if desk.frame is None:
            return
        rows = len(desk.slot)
        out = [NAN] * rows
        columns = tuple(desk.values[column] for column in self._program.columns)
        self._program.fold(rows, columns, self._program.literals, out)
        desk.values[Column(self.key)] = out


class SeriesMaker(Maker):
    """An indicator: its values and how many inputs came before each."""

    def __init__(self, desk: Desk, node: Series) -> None:
        """Start cold."""
        super().__init__(desk, canonical(node))
        folded = fold_of(node.function)
        self._node = node
        self._folded = folded
        self._place = folded.place(node.numbers)
        self.table: Table = Table(self._place.width, 1)

    @override
    def fill(self) -> None:
        desk, node = self.desk, self._node
        frame = desk.frame
        if frame is None:
            return
        values, rows = desk.values, len(desk.slot)
        source = "close" if node.source is None else canonical(node.source)
        given = Input(
            slot=desk.slot,
            x=values[Column(source)],
            open=values[Column("open")],
            high=values[Column("high")],
            low=values[Column("low")],
            volume=values[Column("volume")],
            date=values[DATE],
            others=tuple(values[Column(canonical(other))] for other in node.others),
        )
        out = Output([NAN] * rows, [0] * rows)
        step = self._folded.step_for(node.numbers, desk.faults)
        state = self.table.state(desk.places.slots)
        if desk.clock.forming:
            peek = picked(frame.peek, frame.evaluated).tolist()
            fold_peeking(rows, given, state, self._place, out, (step, peek))
        else:
            fold(rows, given, state, self._place, out, step)
        values[Column(self.key)], values[Column(self.key, "count")] = out


def fold_peeking(
    rows: int, given: Input, state: State, place: Place, out: Output, how: tuple[Step, Ints]
) -> None:
    """Fold like :func:`fold`; a row that is a peek leaves the state as it was."""
    step, peek = how
    width, every_bar = place.width, place.every_bar
    floats, ints = state
    kept = [0.0] * width
    for r in range(rows):
        s = given.slot[r]
        f = s * width
        n = ints[s]
        y = NAN
        if given.x[r] == given.x[r] or (every_bar and n > 0):
            for k in range(width):
                kept[k] = floats[f + k]
            y = step(given, r, floats, f, n, place)
            if peek[r]:
                for k in range(width):
                    floats[f + k] = kept[k]
            else:
                ints[s] = n + 1
            n += 1
        out.value[r] = y
        out.count[r] = n


def mean_price(field: str, rows: Rows) -> NDArray[np.float64]:
    """Return hl2, hlc3 or ohlc4 of bars."""
    first, high, low, close = (rows[name] for name in FIELDS[:4])
    match field:
        case "hl2":
            mean = (high + low) / 2
        case "hlc3":
            mean = (high + low + close) / 3
        case _:
            mean = (first + high + low + close) / 4
    return np.asarray(mean, dtype=np.float64)
