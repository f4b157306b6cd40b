"""The frame of plain rows: what a loop has written, and all else made when it is asked for."""

from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.columns.frames import Frame
from whispr_daemon.rules.columns.location import Location, located_in
from whispr_daemon.rules.columns.plain_rows import Evaluations, Framed
from whispr_daemon.rules.columns.sessions import Sessions
from whispr_daemon.rules.columns.slots import Selection, picked

Ints: TypeAlias = NDArray[np.int64]


class PlainFrame:
    """Reads like a :class:`Frame`, while what it was made of stays as it is: during its batch.

    Attributes:
        slot, daily, clock, bar: as in a Frame.
        date, before, part: as in its ``where``.
        evaluated: as in a Frame.
    """

    def __init__(
        self,
        selection: Selection,
        sessions: Sessions,
        length: int,
        framed: Framed,
        evaluations: Evaluations,
    ) -> None:
        """``length`` is that of the clock's bars, ns."""
        self.slot, self.daily, self.clock, self.bar = (
            framed.slot,
            framed.daily,
            framed.clock,
            framed.bar,
        )
        self.date, self.before, self.part = framed.date, framed.before, framed.part
        self.evaluated: Ints = evaluations.place
        self._selection, self._sessions, self._length = selection, sessions, length
        self._framed, self._evaluations = framed, evaluations

    @cached_property
    def rows(self) -> NDArray[Any]:
        """Of EVENT_DTYPE."""
        return picked(self._selection.rows, self._framed.row)

    @cached_property
    def order(self) -> Ints:
        """Twice the place in the batch, and 1 more."""
        return 2 * picked(self._selection.at, self._framed.row) + 1

    @cached_property
    def start(self) -> Ints:
        """Of each bar, ns UTC; of a daily one that of its session."""
        start = self.rows["ts"] - self._length
        daily = self.daily.nonzero()[0]
        start[daily] = self._sessions.open[self._framed.number[daily]]
        return start

    @cached_property
    def where(self) -> Location:
        """Where each stands in its session."""
        number = self._framed.number
        bounds = self._sessions.open[number], self._sessions.close[number]
        return located_in(self._sessions, number, self.part, bounds)

    @cached_property
    def peek(self) -> NDArray[np.bool_]:
        """None is in the making."""
        return np.zeros(len(self.slot), dtype=np.bool_)

    @cached_property
    def lapse(self) -> Ints:
        """Of those that are evaluated, ns."""
        return self._spread(self._evaluations.lapse)

    @cached_property
    def bars(self) -> Ints:
        """Of those that are evaluated."""
        return self._spread(self._evaluations.bars)

    def whole(self) -> Frame:
        """Return the same with everything made."""
        return Frame(**{name: getattr(self, name) for name in Frame._fields})

    def _spread(self, values: Ints) -> Ints:
        column = np.zeros(len(self.slot), dtype=np.int64)
        column[self.evaluated] = values
        return column


AnyFrame: TypeAlias = Frame | PlainFrame
