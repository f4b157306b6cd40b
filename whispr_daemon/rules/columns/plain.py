"""Frames of plain rows, where there is a kernel for them; see :mod:`.plain_rows`."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.timeframe import NANOS_OF
from whispr_daemon.rules.column import BARS, DATE, LAPSE, ORDER, PRICE, SLOT, TS, Column
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.columns.clock import PERIODS
from whispr_daemon.rules.columns.frames import Frame, Framer
from whispr_daemon.rules.columns.location import Location
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
from whispr_daemon.rules.jit import Compiler, Group, Scalar, recipe_of

Columns: TypeAlias = Mapping[Column, NDArray[Any]]

FIELDS: Final = Evaluations._fields[-5:]
_LINE: Final = 8  # words of a cache line
_FRAMED: Final = (*(np.int64,) * 13, *(np.bool_,) * 3)
_EVALUATED: Final = (*(np.int64,) * 7, *(np.float64,) * 5)
_NAMED: Final[Mapping[type[np.generic], Scalar]] = {
    np.int64: "ints",
    np.float64: "floats",
    np.bool_: "bools",
}
_LENGTHS: Final = np.array(NANOS_OF, dtype=np.int64)
RECIPE: Final = recipe_of(
    frame_plainly,
    "int",
    Group(("seen_ints", "seen_floats", "ints", "ints", "seen_ints"), Given),
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


class Plain(NamedTuple):
    """A frame, None if it would be empty, and the columns of its evaluated rows."""

    frame: Frame | None
    columns: Columns


class PlainFramer:
    """Makes frames of plain rows for the framer of one clock, in its state."""

    def __init__(self, framer: Framer, compiler: Compiler) -> None:
        """``framer`` makes all other frames."""
        clock = framer.clock
        simple = clock.missing == "skip" and not clock.forming and clock.session == "rth"
        self._able = simple and clock.timeframe not in PERIODS and clock.timeframe != "1d"
        self._framer = framer
        self._compiler = compiler
        self._words = np.empty((0, 0), dtype=np.int64)

    def frame(self, selection: Selection) -> Plain | None:
        """Return a frame, None where rows are not plain or there is no kernel for them yet.

        It is good until the next one is asked for.
        """
        framer, rows = self._framer, len(selection.rows)
        name = framer.places.only
        kernel = self._compiler.compiled(RECIPE, rows) if self._able and name else None
        if kernel is None:
            return None
        sessions, slots = calendar(name), framer.places.slots
        state = Standings(framer.making.arrays(slots).ints, framer.table.arrays(slots).ints)
        columns = self._apart(rows)
        framed, evaluated = Framed(*columns[: len(_FRAMED)]), Evaluations(*columns[len(_FRAMED) :])
        count, many = kernel(
            rows,
            _given(selection),
            Calendar(
                *map(_seen, (sessions.open, sessions.close, sessions.date, sessions.midnights))
            ),
            state,
            How(framer.code, framer.length, slots, framer.around),
            (framed, evaluated),
        )
        if count < 0:
            return None
        return _plain(selection, framed, evaluated, (count, many))

    def _apart(self, rows: int) -> list[NDArray[Any]]:
        """Return columns for so many rows, side by side, where those of the batch before stood.

        They begin an odd number of cache lines apart. Whole pages apart, as a power of two of rows
        would put them, they would drive each other from the processor's cache.
        """
        kinds = (*_FRAMED, *_EVALUATED)
        if rows > self._words.shape[1]:
            lines = rows // _LINE + 1 | 1
            self._words = np.empty((len(kinds), lines * _LINE), dtype=np.int64)
        return [column.view(kind)[:rows] for column, kind in zip(self._words, kinds, strict=True)]


def _given(selection: Selection) -> Given:
    rows = selection.rows
    words = np.require(rows.view(np.int64), requirements=["C", "A"])
    return Given(
        _seen(words), _seen(words.view(np.float64)), selection.at, selection.slot, _seen(_LENGTHS)
    )


def _seen(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as one that is not written to."""
    seen = array.view()
    seen.flags.writeable = False
    return seen


def _plain(
    selection: Selection, framed: Framed, evaluated: Evaluations, counts: tuple[int, int]
) -> Plain:
    count, many = counts
    if count == 0:
        return Plain(None, {})
    whole = Framed(*(column[:count] for column in framed))
    only = Evaluations(*(column[:many] for column in evaluated))
    names = ("date", "before", "after", "part", "number", "first", "last")
    frame = Frame(
        rows=picked(selection.rows, whole.row),
        order=whole.order,
        slot=whole.slot,
        start=whole.start,
        where=Location(*(getattr(whole, name) for name in names)),
        daily=whole.daily,
        bar=whole.bar,
        clock=whole.clock,
        peek=np.zeros(count, dtype=np.bool_),
        evaluated=only.place,
        lapse=whole.lapse,
        bars=whole.bars,
    )
    columns = {
        SLOT: only.slot,
        TS: only.ts,
        ORDER: only.order,
        DATE: only.date,
        LAPSE: only.lapse,
        BARS: only.bars,
        PRICE: only.close,
        **{Column(name): getattr(only, name) for name in FIELDS},
    }
    return Plain(frame, columns)
