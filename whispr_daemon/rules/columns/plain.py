"""Frames of plain rows, where they are few or there is a kernel for them; see ``plain_rows``."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.timeframe import NANOS_OF
from whispr_daemon.rules.column import BARS, DATE, LAPSE, ORDER, PRICE, SLOT, TS, Column
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.clock import PERIODS
from whispr_daemon.rules.columns.frames import Framer
from whispr_daemon.rules.columns.plain_frame import PlainFrame
from whispr_daemon.rules.columns.plain_rows import (
    Calendar,
    Evaluations,
    Framed,
    Given,
    How,
    Standings,
    frame_plainly,
)
from whispr_daemon.rules.columns.slots import Selection, picked
from whispr_daemon.rules.jit import Compiler, Function, Group, Scalar, recipe_of

Columns: TypeAlias = Mapping[Column, NDArray[Any]]

FIELDS: Final = ("open", "high", "low", "close", "volume")
_LINE: Final = 8  # words of a cache line
_FRAMED: Final = (*(np.int64,) * 6, *(np.bool_,) * 3)
_EVALUATED: Final = (*(np.int64,) * 5, np.float64)
_NAMED: Final[Mapping[type[np.generic], Scalar]] = {
    np.int64: "ints",
    np.float64: "floats",
    np.bool_: "bools",
}
_LATER: Final = {TS: "ts"} | {Column(name): name for name in FIELDS if name != "close"}
_LENGTHS: Final = np.array(NANOS_OF, dtype=np.int64)
RECIPE: Final = recipe_of(
    frame_plainly,
    "int",
    Group(("seen_ints", "seen_floats", "ints", "seen_ints"), Given),
    Group(("seen_ints",) * 4, Calendar),
    Group(("ints", "ints"), Standings),
    Group(("int", "int", "int", "bool"), How),
    Group(
        (
            Group(tuple(_NAMED[kind] for kind in _FRAMED), Framed),
            Group(tuple(_NAMED[kind] for kind in _EVALUATED), Evaluations),
        )
    ),
)


FEW: Final = 8  # rows for which the loop as it is written is quicker than many steps


class Plain(NamedTuple):
    """A frame, None if it would be empty, and columns of its evaluated rows.

    ``later`` are those that are made when somebody asks for them.
    """

    frame: PlainFrame | None
    columns: Columns
    later: Mapping[Column, Callable[[], NDArray[Any]]]


class _Room:
    """Where frames are written, each in the place of the one before.

    Columns begin an odd number of cache lines apart. Whole pages apart, as a power of two of rows
    would put them, they would drive each other from the processor's cache.
    """

    def __init__(self, rows: int) -> None:
        """Make room for so many rows."""
        self.rows = rows
        kinds = (*_FRAMED, *_EVALUATED)
        words = np.empty((len(kinds), (rows // _LINE + 1 | 1) * _LINE), dtype=np.int64)
        columns: list[NDArray[Any]] = [
            row.view(kind)[:rows] for row, kind in zip(words, kinds, strict=True)
        ]
        self.arrays = _out(columns)
        self.views = _out([column.data for column in columns])


class PlainFramer:
    """Makes frames of plain rows for the framer of one clock, in its state."""

    def __init__(self, framer: Framer, compiler: Compiler) -> None:
        """``framer`` makes all other frames."""
        clock = framer.clock
        simple = clock.missing == "skip" and not clock.forming and clock.session == "rth"
        self._able = simple and clock.timeframe not in PERIODS and clock.timeframe != "1d"
        self._framer = framer
        self._compiler = compiler
        self._room, self._little = _Room(0), _Room(0)

    def frame(self, selection: Selection) -> Plain | None:
        """Return a frame; None where rows are not plain, or many and not compiled for yet.

        It is good until the next one is asked for.
        """
        rows, name = len(selection.rows), self._framer.places.only
        if not self._able or not name:
            return None
        kernel = self._compiler.compiled(RECIPE, rows)
        if kernel is None and rows > FEW:
            return None
        counts = self._few(selection, name) if kernel is None else self._many(kernel, selection)
        if counts[0] < 0:
            return None
        room = self._little if kernel is None else self._room
        return self._plain(selection, room.arrays, counts)

    def _many(self, kernel: Function, selection: Selection) -> tuple[int, int]:
        """Write a frame by what is compiled: it takes arrays."""
        framer, rows = self._framer, len(selection.rows)
        slots = framer.places.slots
        if rows > self._room.rows:
            self._room = _Room(rows)
        words = _words(selection)
        given = Given(
            words=_seen(words),
            prices=_seen(words.view(np.float64)),
            slot=selection.slot,
            lengths=_seen(_LENGTHS),
        )
        state = Standings(framer.making.arrays(slots).ints, framer.table.arrays(slots).ints)
        sessions = Calendar(*map(_seen, _sessions(framer.places.only)))
        counts: tuple[int, int] = kernel(
            rows, given, sessions, state, self._how(slots), _first(self._room.arrays, rows)
        )
        return counts

    def _few(self, selection: Selection, name: str) -> tuple[int, int]:
        """Write a frame by the loop as it is: lists and views give numbers sooner than arrays."""
        framer = self._framer
        slots = framer.places.slots
        if not self._little.rows:
            self._little = _Room(FEW)
        words = _words(selection)
        given = Given(
            words.data,
            words.view(np.float64).data,
            selection.slot.tolist(),
            NANOS_OF,
        )
        state = Standings(framer.making.state(slots).ints, framer.table.state(slots).ints)
        return frame_plainly(
            len(selection.rows),
            given,
            _viewed(name),
            state,
            self._how(slots),
            self._little.views,
        )

    def _plain(
        self, selection: Selection, room: tuple[Framed, Evaluations], counts: tuple[int, int]
    ) -> Plain:
        (framed, evaluated), (count, many) = room, counts
        if count == 0:
            return Plain(None, {}, {})
        whole = Framed(*(column[:count] for column in framed))
        only = Evaluations(*(column[:many] for column in evaluated))
        sessions = calendar(self._framer.places.only)
        frame = PlainFrame(selection, sessions, self._framer.length, whole, only)
        columns = {
            SLOT: only.slot,
            DATE: only.date,
            LAPSE: only.lapse,
            BARS: only.bars,
            PRICE: only.close,
            Column("close"): only.close,
        }
        later = {column: partial(_field, frame, name) for column, name in _LATER.items()}
        return Plain(frame, columns, {**later, ORDER: partial(_order, frame)})

    def _how(self, slots: int) -> How:
        return How(self._framer.code, self._framer.length, slots, self._framer.around)


def _field(frame: PlainFrame, name: str) -> NDArray[Any]:
    return picked(frame.rows[name], frame.evaluated)


def _order(frame: PlainFrame) -> NDArray[Any]:
    return picked(frame.order, frame.evaluated)


def _out(columns: Sequence[Any]) -> tuple[Framed, Evaluations]:
    return Framed(*columns[: len(_FRAMED)]), Evaluations(*columns[len(_FRAMED) :])


def _first(room: tuple[Framed, Evaluations], rows: int) -> tuple[Framed, Evaluations]:
    framed, evaluated = room
    return (
        Framed(*(column[:rows] for column in framed)),
        Evaluations(*(column[:rows] for column in evaluated)),
    )


def _words(selection: Selection) -> NDArray[np.int64]:
    rows = np.ascontiguousarray(selection.rows)
    return np.require(rows.view(np.int64), requirements=["C", "A"])


def _sessions(name: str) -> tuple[NDArray[np.int64], ...]:
    found = calendar(name)
    return found.open, found.close, found.date, found.midnights


@lru_cache(maxsize=64)
def _viewed(name: str) -> Calendar:
    return Calendar(*(column.data for column in _sessions(name)))


def _seen(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as one that is not written to."""
    seen = array.view()
    seen.flags.writeable = False
    return seen
