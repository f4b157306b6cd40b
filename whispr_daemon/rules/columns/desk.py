"""What one clock sees of a batch, as columns: prices, times, and whatever is put there."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows
from whispr_daemon.ports.function import Faults
from whispr_daemon.rules.column import BAR, BARS, DATE, DAY, LAPSE, ORDER, SLOT, TS, Column
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.frames import Frame, Framer
from whispr_daemon.rules.columns.places import Places
from whispr_daemon.rules.columns.slots import Selection, picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.columns.ticks import TickFramer
from whispr_daemon.rules.columns.values import Values
from whispr_daemon.rules.jit import UNCOMPILED, Compiler

FIELDS: Final = ("open", "high", "low", "close", "volume")
PRICE: Final = Column("price")


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
        self.frame: Frame | None = None
        self.values = Values()
        self.faults: Faults = []  # of plug-ins
        self.count = 0
        self._base = base
        self._framer = Framer(clock, places, compiler)
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

    def tables(self) -> Mapping[str, Table]:
        """Return the state of its frames by name."""
        return self._framer.tables() if self._ticks is None else self._ticks.tables()

    def take(self, selection: Selection) -> None:
        """Begin a batch; its base, if it has one, has begun it before."""
        if self._base is None or self._ticks is None:
            self.frame = self._framer.frame(selection)
        else:
            self.frame = self._ticks.frame(selection, self._base.frame)
        self.values = Values()
        self.faults = []
        self.count = 0
        if self.frame is not None:
            self._fill(self.frame)

    def rows(self) -> Rows:
        """Return the evaluated rows, shape (m,)."""
        assert self.frame is not None  # noqa: S101 (asked for by who has looked)
        return picked(self.frame.rows, self.frame.evaluated)

    def _fill(self, frame: Frame) -> None:
        at = frame.evaluated
        rows = picked(frame.rows, at)
        values, self.count = self.values, len(at)
        values[SLOT], values[TS] = picked(frame.slot, at), rows["ts"]
        values[ORDER] = picked(frame.order, at)
        values[DATE] = picked(frame.where.date, at)
        values[LAPSE] = picked(frame.lapse, at)
        values[BARS] = picked(frame.bars, at)
        if DAY in self.asked:
            values[DAY] = self._days(picked(frame.slot, at), rows["ts"])
        if BAR in self.asked:
            values[BAR] = self._bar(frame, rows)
        values[PRICE] = rows["close"]
        if self.on_ticks:
            return
        for field in FIELDS:
            values[Column(field)] = rows[field]

    def _days(self, slot: NDArray[np.int64], ts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the exchange's date of each evaluation; midnight ends a day."""
        asked = self.places.each(slot, lambda found, at: (found.local_day(ts[at] - 1),))
        return asked[0]

    def _bar(self, frame: Frame, rows: Rows) -> NDArray[np.int64]:
        """Return the start of the bar in which each evaluation falls."""
        first = picked(frame.where.first, frame.evaluated)
        if not self.on_ticks:
            return picked(frame.bars, frame.evaluated)
        length = self.clock.length
        bar: NDArray[np.int64] = first + (rows["ts"] - first) // length * length
        return bar
