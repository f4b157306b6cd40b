"""Columns of session values: which rows make them."""

from typing import Final

import numpy as np
from typing_extensions import override

from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.column import Column
from whispr_daemon.rules.columns import session_values as of
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.maker import Maker
from whispr_daemon.rules.columns.places import Places
from whispr_daemon.rules.columns.plain_frame import AnyFrame
from whispr_daemon.rules.columns.session_values import Around, fold_range, fold_sessions
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.functions.folds import NAN

SESSIONS: Final = "sessions"  # the key of what all session values share


class SessionMaker(Maker):
    """All of ``session.*``, ``prev.*`` and ``premarket.*``."""

    def __init__(self, desk: Desk) -> None:
        """Start with nothing seen."""
        super().__init__(desk, SESSIONS)
        self.table: Table = Table(of.FLOATS, of.INTS)

    @override
    def fill(self) -> None:
        desk, frame = self.desk, self.desk.frame
        if frame is None:
            return
        out = [[NAN] * desk.count for _ in of.NAMES]
        state = self.table.state(desk.places.slots)
        fold_sessions(len(frame.rows), around_of(frame, desk.places), state, out)
        for name, column in zip(of.NAMES, out, strict=True):
            desk.values[Column(name)] = column


class RangeMaker(Maker):
    """``opening_range.high`` and ``.low`` of some minutes."""

    def __init__(self, desk: Desk, minutes: int) -> None:
        """Start with nothing seen."""
        super().__init__(desk, range_key(minutes))
        self._minutes = minutes
        self.table: Table = Table(of.RANGE_FLOATS, of.RANGE_INTS)

    @override
    def fill(self) -> None:
        desk, frame = self.desk, self.desk.frame
        if frame is None:
            return
        out = [NAN] * desk.count, [NAN] * desk.count
        given = around_of(frame, desk.places)
        state = self.table.state(desk.places.slots)
        fold_range(len(frame.rows), given, state, self._minutes * MINUTE, out)
        for side, column in zip(("high", "low"), out, strict=True):
            desk.values[Column(f"opening_range.{side}({self._minutes})")] = column


def range_key(minutes: int) -> str:
    """Return the key of an opening range's state."""
    return f"opening_range({minutes})"


def around_of(frame: AnyFrame, places: Places) -> Around:
    """Return the rows of a frame with their regular sessions, those outside it included."""
    ends = (frame.start, frame.rows["ts"])
    extended = places.located(frame.slot, ends, "eth")
    outside = frame.where.date < 0
    date = np.where(outside, extended.date, frame.where.date)
    before = np.where(outside, extended.before, frame.where.before)
    index = np.where(outside, extended.number, frame.where.number)
    opens = places.each(frame.slot, lambda found, at: (found.open[np.maximum(index[at], 0)],))[0]
    return Around(
        frame.slot.tolist(),
        date.tolist(),
        before.tolist(),
        opens.tolist(),
        frame.start.tolist(),
        frame.rows["ts"].tolist(),
        frame.where.part.tolist(),
        frame.daily.tolist(),
        (frame.bar & ~frame.daily).tolist(),
        frame.clock.tolist(),
        *(frame.rows[field].tolist() for field in ("open", "high", "low", "close", "volume")),
    )
