"""What one clock sees of a batch, as columns: prices, times, and whatever is put there."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows
from whispr_daemon.ports.function import Faults
from whispr_daemon.rules.column import BAR, BARS, DATE, DAY, LAPSE, ORDER, PRICE, SLOT, TS, Column
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.frames import Frame, Framer
from whispr_daemon.rules.columns.places import Places
from whispr_daemon.rules.columns.plain import FIELDS, Columns, PlainFramer
from whispr_daemon.rules.columns.plain_frame import AnyFrame, PlainFrame
from whispr_daemon.rules.columns.slots import Selection, picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.columns.ticks import TickFramer
from whispr_daemon.rules.columns.values import Values
from whispr_daemon.rules.jit import UNCOMPILED, Compiler


class Desk:
    """One clock: how its frames are made, and its columns of the present batch.

    Attributes:
        frame: of the present batch, None if it holds nothing for this clock.
        values: columns over the evaluated rows; all have their length.
        faults: what functions of plug-ins raised, by evaluated row.
        count: of the evaluated rows.
    """

    def __init__(
        self,
        clock: Clock,
        places: Places,
        base: "Desk | None" = None,
        compiler: Compiler = UNCOMPILED,
    ) -> None:
        """``base`` has the bars of a clock of ticks."""
        self.clock = clock
        self.places = places
        self.compiler = compiler
        self.asked: set[Column] = set()  # of the clock, beyond what is cheap
        self.frame: AnyFrame | None = None
        self.values = Values()
        self.faults: Faults = []  # of plug-ins
        self.count = 0
        self._base = base
        self._framer = Framer(clock, places, compiler)
        self._plain = PlainFramer(self._framer, compiler)
        self._ticks = None if base is None else TickFramer(clock, places)

    @property
    def slot(self) -> list[int]:
        """The slots of the evaluated rows."""
        return self.values[SLOT] if self.count else []

    @property
    def ts(self) -> list[int]:
        """Their times, ns UTC."""
        return self.values[TS] if self.count else []

    @property
    def order(self) -> list[int]:
        """Their order in the batch."""
        return self.values[ORDER] if self.count else []

    @property
    def on_ticks(self) -> bool:
        """Are ticks evaluated, and not bars?"""
        return self._base is not None

    def look_around(self) -> None:
        """Keep the bars outside the session: something is made of them."""
        self._framer.around = True
        if self._base is not None:
            self._base.look_around()

    def seen(self, slot: int) -> int:
        """Return how many bars of an instrument this clock has seen."""
        return (self._ticks or self._framer).seen(slot)

    def counts(self, slots: int) -> NDArray[np.int64]:
        """Return the same of each slot, and 0 of an instrument not seen so far."""
        return (self._ticks or self._framer).counts(slots)

    def tables(self) -> Mapping[str, Table]:
        """Return the state of its frames by name."""
        return self._framer.tables() if self._ticks is None else self._ticks.tables()

    def take(self, selection: Selection) -> None:
        """Begin a batch; its base, if it has one, has begun it before."""
        self.values, self.faults, self.count = Values(), [], 0
        if self._base is not None and self._ticks is not None:
            base = self._base.frame
            base = base.whole() if isinstance(base, PlainFrame) else base
            self.frame = self._ticks.frame(selection, base)
            plain = None
        else:
            plain = self._plain.frame(selection)
            self.frame = self._framer.frame(selection) if plain is None else plain.frame
        if isinstance(self.frame, Frame):
            self._fill(self.frame, self._columns(self.frame))
        elif plain is not None and self.frame is not None:
            self.values.later(plain.later)
            self._fill(self.frame, plain.columns)

    def rows(self) -> Rows:
        """Return the evaluated rows, shape (m,)."""
        assert self.frame is not None  # noqa: S101 (asked for by who has looked)
        return picked(self.frame.rows, self.frame.evaluated)

    def _columns(self, frame: Frame) -> Columns:
        """Return what is there of the evaluated rows."""
        at = frame.evaluated
        rows = picked(frame.rows, at)
        prices = {} if self.on_ticks else {Column(field): rows[field] for field in FIELDS}
        return {
            SLOT: picked(frame.slot, at),
            TS: rows["ts"],
            ORDER: picked(frame.order, at),
            DATE: picked(frame.where.date, at),
            LAPSE: picked(frame.lapse, at),
            BARS: picked(frame.bars, at),
            PRICE: rows["close"],
            **prices,
        }

    def _fill(self, frame: AnyFrame, columns: Columns) -> None:
        values, self.count = self.values, len(frame.evaluated)
        for column, found in columns.items():
            values[column] = found
        if DAY in self.asked:
            values[DAY] = self._days(columns[SLOT], values.array(TS))
        if BAR in self.asked:
            values[BAR] = self._bar(frame, values.array(TS))

    def _days(self, slot: NDArray[np.int64], ts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the exchange's date of each evaluation; midnight ends a day."""
        asked = self.places.each(slot, lambda found, at: (found.local_day(ts[at] - 1),))
        return asked[0]

    def _bar(self, frame: AnyFrame, ts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the start of the bar in which each evaluation falls."""
        first = picked(frame.where.first, frame.evaluated)
        if not self.on_ticks:
            return picked(frame.bars, frame.evaluated)
        length = self.clock.length
        bar: NDArray[np.int64] = first + (ts - first) // length * length
        return bar
