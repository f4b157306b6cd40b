"""Columns of prices, indicators and expressions over them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from whispr_daemon.domain.batch import Rows
from whispr_daemon.ports.function import Faults
from whispr_daemon.rules.column import DATE, SLOT, Column
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.maker import Maker
from whispr_daemon.rules.columns.plain import FIELDS
from whispr_daemon.rules.columns.plain_frame import AnyFrame
from whispr_daemon.rules.columns.slots import picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.compile.compiler import compile_column
from whispr_daemon.rules.functions.folds import (
    NAN,
    Folding,
    Input,
    Ints,
    Output,
    Place,
    State,
    Step,
    fold,
    read_by,
)
from whispr_daemon.rules.functions.table import fold_of
from whispr_daemon.rules.jit import fold_recipe, pair_recipe
from whispr_daemon.rules.nodes import Node, Series
from whispr_daemon.rules.tree import canonical


class MeanMaker(Maker):
    """hl2, hlc3, ohlc4."""

    @override
    def fill(self) -> None:
        if self.desk.frame is not None:
            self.desk.values[Column(self.key)] = mean_price(self.key, self.desk.rows())


class ExpressionMaker(Maker):
    """A number of a row's other columns."""

    def __init__(self, desk: Desk, node: Node) -> None:
        """Compile the expression."""
        super().__init__(desk, canonical(node))
        self._program = compile_column(node)

    @property
    @override
    def reads(self) -> Iterator[tuple[Desk, Column]]:
        return ((self.desk, column) for column in self._program.columns)

    @override
    def fill(self) -> None:
        desk = self.desk
        if desk.frame is None:
            return
        program, values, rows = self._program, desk.values, desk.count
        kernel = desk.compiler.compiled(program.recipe, rows)
        if kernel is None:
            plain = [NAN] * rows
            columns = tuple(values[column] for column in program.columns)
            program.fold(rows, columns, program.literals, plain)
            values[Column(self.key)] = plain
        else:
            made = np.empty(rows)
            arrays = tuple(values.array(column) for column in program.columns)
            kernel(rows, arrays, np.array(program.literals, dtype=np.float64), made)
            values[Column(self.key)] = made


class SeriesMaker(Maker):
    """An indicator: its values and how many inputs came before each.

    Attributes:
        led: another one fills its columns.
        partner: the one whose columns are filled beside its own.
    """

    def __init__(self, desk: Desk, node: Series) -> None:
        """Start cold."""
        super().__init__(desk, canonical(node))
        folded = fold_of(node.function)
        self._node = node
        self._folded = folded
        # A plug-in's step is its author's, and a peek takes back what it did: neither is compiled.
        plain = folded.bound is not None or desk.clock.forming
        self._recipe = None if plain else fold_recipe(folded.step, len(node.others))
        self._place = folded.place(node.numbers)
        wanted = Input._fields if self._recipe is None else read_by(folded.step)
        x = self.source
        prices = ("open", "high", "low", "volume")
        self._reads = (SLOT, x, *(Column(one) if one in wanted else x for one in prices))
        self._reads_date = DATE if "date" in wanted else SLOT
        self._reads_others = tuple(Column(canonical(other)) for other in node.others)
        self._value, self._count = Column(self.key), Column(self.key, "count")
        self._beside: SeriesMaker | None = None
        self.led = False
        self.partner: SeriesMaker | None = None
        self.table: Table = Table(self._place.width, 1)

    @property
    @override
    def reads(self) -> Iterator[tuple[Desk, Column]]:
        others = (Column(canonical(other)) for other in self._node.others)
        return ((self.desk, column) for column in (self.source, *others))

    @property
    def pure(self) -> bool:
        """Is it folded by plain loops that a kernel may consist of?"""
        return self._recipe is not None and not self._node.others

    @property
    def step(self) -> Step:
        """The step of its fold."""
        return self._folded.step

    @property
    def source(self) -> Column:
        """The column that it is an indicator of; the close where it takes whole bars."""
        source = self._node.source
        return Column("close" if source is None else canonical(source))

    def held(self) -> tuple[State, Place]:
        """Return its state as kernels take it, and how that is laid out."""
        return self.table.arrays(self.desk.places.slots), self._place

    @property
    def alike(self) -> tuple[object, ...] | None:
        """What those have in common that may be folded side by side; None: it may not."""
        sources = (self._node.source, *self._node.others)
        spelled = ("" if one is None else canonical(one) for one in sources)
        return self._recipe and (self.desk.clock, self._recipe, *spelled)

    def lead(self, other: "SeriesMaker") -> None:
        """Fill the columns of another one that is :attr:`alike`, too: side by side."""
        self._beside, other.led = other, True
        self.partner, other.partner = other, self

    @override
    def fill(self) -> None:
        desk, rows = self.desk, self.desk.count
        if desk.frame is None or self.led:
            return
        beside = self._beside
        step, others = self._folded.step, len(self._node.others)
        pair = beside and desk.compiler.compiled(pair_recipe(step, others), rows)
        if beside and pair:
            both = self.folding(rows), beside.folding(rows)
            pair(rows, self._given(desk.values.array), *both)
            self.put(both[0].out)
            beside.put(both[1].out)
            return
        self.fill_alone(desk.frame, rows)
        if beside is not None:
            beside.fill_alone(desk.frame, rows)

    def fill_alone(self, frame: AnyFrame, rows: int) -> None:
        """Fill its own columns; of a pair, whose kernel is not there, as it is written."""
        desk = self.desk
        kernel = None
        if self._recipe and self._beside is None and not self.led:
            kernel = desk.compiler.compiled(self._recipe, rows)
        if kernel:
            folding = self.folding(rows)
            kernel(rows, self._given(desk.values.array), *folding)
            self.put(folding.out)
        else:
            out = Output([NAN] * rows, [0] * rows)
            self._fold(frame, self._given(desk.values.__getitem__), out)
            self.put(out)

    def folding(self, rows: int) -> Folding:
        """Return what a kernel takes of it."""
        out = Output(np.empty(rows), np.empty(rows, dtype=np.int64))
        return Folding(*self.held(), out)

    def put(self, out: Output) -> None:
        """Hand what was folded to who reads it."""
        values = self.desk.values
        values[self._value], values[self._count] = out

    def _given(self, read: Callable[[Column], Any]) -> Input:
        """Return what its step reads; in the place of what it does not, the source."""
        date, others = read(self._reads_date), tuple(map(read, self._reads_others))
        slot, x, first, high, low, volume = map(read, self._reads)
        return Input(slot, x, first, high, low, volume, date, others)

    def _fold(self, frame: AnyFrame, given: Input, out: Output) -> None:
        desk, rows = self.desk, len(given.slot)
        raised: Faults = []
        step = self._folded.step_for(self._node.numbers, raised)
        state = self.table.state(desk.places.slots)
        if desk.clock.forming:
            peek = picked(frame.peek, frame.evaluated).tolist()
            fold_peeking(rows, given, state, self._place, out, (step, peek))
        else:
            fold(rows, given, state, self._place, out, step)
        if self._folded.bound is not None:
            fault = [0] * rows
            for row, _ in raised:
                fault[row] = 1
            desk.values[Column(self.key, "fault")] = fault
            desk.faults += raised


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
