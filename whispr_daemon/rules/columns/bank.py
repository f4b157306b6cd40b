"""Indicators and day levels of one clock: computed once a batch, whichever rules read them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows
from whispr_daemon.ports.function import Faults
from whispr_daemon.rules.column import BARS, DATE, DAY, LAPSE, TS, Column, level_key
from whispr_daemon.rules.columns import levels
from whispr_daemon.rules.columns.frames import Frame
from whispr_daemon.rules.columns.levels import Days, Levels
from whispr_daemon.rules.columns.sessions import days_since_epoch
from whispr_daemon.rules.columns.slots import picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.columns.values import Values
from whispr_daemon.rules.compile.compiler import ColumnProgram, compile_column
from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Output, fold
from whispr_daemon.rules.functions.table import fold_of
from whispr_daemon.rules.nodes import (
    Level,
    LevelValue,
    Node,
    Price,
    Series,
)
from whispr_daemon.rules.settings import PinnedLevels
from whispr_daemon.rules.tree import canonical, children

_FIELDS: Final = ("open", "high", "low", "close", "volume")


class Bank:
    """Knows which columns are wanted, keeps their state, fills them in."""

    def __init__(self, pinned: PinnedLevels) -> None:
        """``pinned`` levels take the place of computed ones: (anchor, ATR)."""
        self.tables: dict[str, Table] = {}
        self.faults: Faults = []  # of plug-ins in the last batch: the evaluated row, what
        self._series: dict[str, Series] = {}  # sources before what reads them
        self._sources: dict[str, ColumnProgram] = {}
        self._days: dict[str, int] = {}  # key to length
        self._means: dict[str, None] = {}  # hl2 … that are read
        self._pinned = pinned

    def want(self, node: Node) -> None:
        """Provide for everything an expression reads."""
        for child in children(node):
            self.want(child)
        if isinstance(node, Price) and node.field not in _FIELDS:
            self._means[node.field] = None
        elif isinstance(node, Level | LevelValue):
            key = level_key(node.ladder)
            self._days[key] = node.ladder.length
            self.tables.setdefault(key, Table(levels.FLOATS, levels.INTS))
        elif isinstance(node, Series):
            key = canonical(node)
            self._series.setdefault(key, node)
            self.tables.setdefault(key, Table(fold_of(node.function).place(node.numbers).width, 1))
            for source in children(node):
                if not isinstance(source, Price | Series):
                    self._sources[canonical(source)] = compile_column(source)

    def count(self, column: Column, slot: int, symbol: str) -> int:
        """Return how far a count of the indicators or levels is for an instrument."""
        if column.key in self._days and any(symbol == pinned for pinned, _ in self._pinned):
            return levels.ALWAYS
        place = levels.BARS if column.key in self._days else 0
        ints = self.tables[column.key].ints
        return int(ints[slot, place]) if 0 <= slot < len(ints) else 0

    def values(self, frame: Frame, symbols: list[str]) -> Values:
        """Return all columns over the evaluated bars; ``symbols[slot]`` is a slot's instrument."""
        self.faults.clear()
        rows = picked(frame.rows, frame.evaluated)
        values = Values()
        for field in _FIELDS:
            values[Column(field)] = rows[field].tolist()
        for field in self._means:
            values[Column(field)] = mean_price(field, rows).tolist()
        values[TS] = rows["ts"].tolist()
        values[DATE] = picked(frame.where.date, frame.evaluated).tolist()
        values[DAY] = values[DATE]
        values[LAPSE] = picked(frame.lapse, frame.evaluated).tolist()
        values[BARS] = picked(frame.bars, frame.evaluated).tolist()
        if self._days:
            self._fill_days(frame, symbols, values)
        slot = picked(frame.slot, frame.evaluated).tolist()
        for key in self._series:
            self._fill_series(key, slot, len(symbols), values)
        return values

    def _fill_series(self, key: str, slot: list[int], slots: int, values: Values) -> None:
        node = self._series[key]
        given = Input(
            slot=slot,
            x=values[Column("close")] if node.source is None else self._source(node.source, values),
            open=values[Column("open")],
            high=values[Column("high")],
            low=values[Column("low")],
            volume=values[Column("volume")],
            date=values[DATE],
            others=tuple(self._source(other, values) for other in node.others),
        )
        out = Output([NAN] * len(slot), [0] * len(slot))
        folded = fold_of(node.function)
        state = self.tables[key].state(slots)
        step = folded.step_for(node.numbers, self.faults)
        fold(len(slot), given, state, folded.place(node.numbers), out, step)
        values[Column(key)], values[Column(key, "count")] = out

    def _source(self, node: Node, values: Values) -> Floats:
        match node:
            case Price(field=field):
                return values[Column(field)]
            case Series():
                return values[Column(canonical(node))]
            case _:
                program = self._sources[canonical(node)]
                close = values[Column("close")]
                out = [NAN] * len(close)
                columns = tuple(values[column] for column in program.columns)
                program.fold(len(close), columns, program.literals, out)
                return out

    def _fill_days(self, frame: Frame, symbols: list[str], values: Values) -> None:
        given = days_of(frame)
        count = len(frame.evaluated)
        for key, length in self._days.items():
            out = Levels([NAN] * count, [NAN] * count, [NAN] * count, [NAN] * count, [0] * count)
            state = self.tables[key].state(len(symbols))
            levels.day_levels(len(frame.rows), given, state, length, out)
            if self._pinned:
                self._pin(out, frame, symbols)
            for part, column in zip(Levels._fields, out, strict=True):
                values[Column(key, part)] = column

    def _pin(self, out: Levels, frame: Frame, symbols: list[str]) -> None:
        slot = picked(frame.slot, frame.evaluated)
        date = picked(frame.where.date, frame.evaluated)
        for (symbol, day), (anchor, atr) in self._pinned.items():
            mine = slot == symbols.index(symbol) if symbol in symbols else False
            when = True if day is None else date == days_since_epoch(day)
            for row in np.flatnonzero(mine & when):
                out.anchor[row], out.atr[row], out.count[row] = anchor, atr, levels.ALWAYS


def mean_price(field: str, rows: Rows) -> NDArray[np.float64]:
    """Return hl2, hlc3 or ohlc4 of bars."""
    first, high, low, close = (rows[name] for name in _FIELDS[:4])
    match field:
        case "hl2":
            mean = (high + low) / 2
        case "hlc3":
            mean = (high + low + close) / 3
        case _:
            mean = (first + high + low + close) / 4
    return np.asarray(mean, dtype=np.float64)


def days_of(frame: Frame) -> Days:
    """Return what of a frame the day levels are made of."""
    date, before, part = (column.tolist() for column in frame.where)
    high, low, close = (frame.rows[field].tolist() for field in ("high", "low", "close"))
    return Days(
        slot=frame.slot.tolist(),
        date=date,
        before=before,
        part=part,
        daily=frame.daily.tolist(),
        clock=frame.clock.tolist(),
        high=high,
        low=low,
        close=close,
    )
