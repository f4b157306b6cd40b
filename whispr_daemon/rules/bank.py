"""Indicators and day levels of one clock: computed once a batch, whichever rules read them."""

from typing import Final, TypeAlias

import numpy as np

from whispr_daemon.rules import levels
from whispr_daemon.rules.column import BARS, LAPSE, Column, day_key
from whispr_daemon.rules.compiler import ColumnProgram, compile_column
from whispr_daemon.rules.folds import NAN, Floats, Input, Output, fold
from whispr_daemon.rules.frames import Frame
from whispr_daemon.rules.functions.table import fold_of
from whispr_daemon.rules.levels import Days, Levels
from whispr_daemon.rules.nodes import (
    DayLevel,
    DayValue,
    Node,
    Price,
    Series,
)
from whispr_daemon.rules.sessions import days_since_epoch
from whispr_daemon.rules.settings import PinnedLevels
from whispr_daemon.rules.table import Table
from whispr_daemon.rules.tree import canonical, children

Values: TypeAlias = dict[Column, Floats]

_FIELDS: Final = ("open", "high", "low", "close", "volume")


class Bank:
    """Knows which columns are wanted, keeps their state, fills them in."""

    def __init__(self, pinned: PinnedLevels) -> None:
        """``pinned`` levels take the place of computed ones: (anchor, ATR)."""
        self.tables: dict[str, Table] = {}
        self._series: dict[str, Series] = {}  # sources before what reads them
        self._sources: dict[str, ColumnProgram] = {}
        self._days: dict[str, int] = {}  # key to length
        self._pinned = pinned

    def want(self, node: Node) -> None:
        """Provide for everything an expression reads."""
        for child in children(node):
            self.want(child)
        if isinstance(node, DayLevel | DayValue):
            key = day_key(node.length)
            self._days[key] = node.length
            self.tables.setdefault(key, Table(levels.FLOATS, levels.INTS))
        elif isinstance(node, Series):
            key = canonical(node)
            self._series.setdefault(key, node)
            self.tables.setdefault(key, Table(fold_of(node.function).floats(node.length), 1))
            if node.source is not None and not isinstance(node.source, Price | Series):
                self._sources[key] = compile_column(node.source)

    def count(self, column: Column, slot: int, symbol: str) -> int:
        """Return how far a count of the indicators or levels is for an instrument."""
        if column.key in self._days and any(symbol == pinned for pinned, _ in self._pinned):
            return levels.ALWAYS
        place = levels.BARS if column.key in self._days else 0
        ints = self.tables[column.key].ints
        return int(ints[slot, place]) if 0 <= slot < len(ints) else 0

    def values(self, frame: Frame, symbols: list[str]) -> tuple[list[int], Values]:
        """Return the slots of the evaluated rows, and all columns over them.

        ``symbols[slot]`` is the instrument of a slot.
        """
        clock = np.flatnonzero(frame.clock)
        rows = frame.rows[clock]
        slot: list[int] = frame.slot[clock].tolist()
        values: Values = {Column(field): rows[field].tolist() for field in _FIELDS}
        first, high, low, close = (rows[field] for field in _FIELDS[:4])
        values[Column("hl2")] = ((high + low) / 2).tolist()
        values[Column("hlc3")] = ((high + low + close) / 3).tolist()
        values[Column("ohlc4")] = ((first + high + low + close) / 4).tolist()
        values[LAPSE] = frame.lapse[clock].tolist()
        values[BARS] = frame.bars[clock].tolist()
        for key, length in self._days.items():
            self._fill_days(key, length, frame, symbols, values)
        for key in self._series:
            self._fill_series(key, slot, len(symbols), values)
        return slot, values

    def _fill_series(self, key: str, slot: list[int], slots: int, values: Values) -> None:
        node = self._series[key]
        given = Input(
            slot, self._source(key, node, values), values[Column("high")], values[Column("low")]
        )
        out = Output([NAN] * len(slot), [0] * len(slot))
        folded = fold_of(node.function)
        state = self.tables[key].state(slots)
        fold(len(slot), given, state, folded.place(node.length), out, folded.step)
        values[Column(key)], values[Column(key, "count")] = out

    def _source(self, key: str, node: Series, values: Values) -> Floats:
        match node.source:
            case None:
                return values[Column("close")]
            case Price(field=field):
                return values[Column(field)]
            case Series() as source:
                return values[Column(canonical(source))]
            case _:
                program = self._sources[key]
                close = values[Column("close")]
                out = [NAN] * len(close)
                columns = tuple(values[column] for column in program.columns)
                program.fold(len(close), columns, program.literals, out)
                return out

    def _fill_days(
        self, key: str, length: int, frame: Frame, symbols: list[str], values: Values
    ) -> None:
        given = Days(
            *(
                column.tolist()
                for column in (
                    frame.slot,
                    frame.date,
                    frame.before,
                    frame.part,
                    frame.daily,
                    frame.clock,
                    frame.rows["high"],
                    frame.rows["low"],
                    frame.rows["close"],
                )
            )
        )
        count = len(values[LAPSE])
        out = Levels([NAN] * count, [NAN] * count, [NAN] * count, [NAN] * count, [0] * count)
        state = self.tables[key].state(len(symbols))
        levels.day_levels(len(frame.rows), given, state, length, out)
        if self._pinned:
            self._pin(out, frame, symbols)
        for part, column in zip(Levels._fields, out, strict=True):
            values[Column(key, part)] = column

    def _pin(self, out: Levels, frame: Frame, symbols: list[str]) -> None:
        clock = np.flatnonzero(frame.clock)
        for (symbol, day), (anchor, atr) in self._pinned.items():
            mine = frame.slot[clock] == symbols.index(symbol) if symbol in symbols else False
            when = True if day is None else frame.date[clock] == days_since_epoch(day)
            for row in np.flatnonzero(mine & when):
                out.anchor[row], out.atr[row], out.count[row] = anchor, atr, levels.ALWAYS
