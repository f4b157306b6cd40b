"""Which trades or quotes a clock of ticks evaluates, between the bars of its timeframe."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.frames import Frame
from whispr_daemon.rules.columns.location import Location
from whispr_daemon.rules.columns.places import Places
from whispr_daemon.rules.columns.slots import Selection, picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.functions.folds import Ints, State

# State of a slot.
LAST_TS: Final = 0  # of the last tick evaluated
LAST_DATE: Final = 1  # its session
BAR_END: Final = 2  # of the last bar
SEEN: Final = 3  # bars
TICK_INTS: Final = 4


class Ticks(NamedTuple):
    """Bars and ticks in order."""

    slot: Ints
    ts: Ints
    date: Ints
    tick: Ints  # 1: a tick
    bar: Ints  # 1: a bar that the base clock evaluates


def admit_ticks(rows: int, given: Ticks, state: State, out: Sequence[Ints]) -> None:
    """Let ticks through that are no earlier than the last tick and the last bar's end.

    ``out`` is fresh (1: evaluate it), the ns since the last tick in the session, and the bars.
    """
    ints = state.ints
    fresh, lapse, bars = out
    for r in range(rows):
        i = given.slot[r] * TICK_INTS
        ts = given.ts[r]
        if given.bar[r]:
            ints[i + BAR_END] = ts
            ints[i + SEEN] += 1
        if given.tick[r] and ts >= ints[i + LAST_TS] and ts >= ints[i + BAR_END]:
            if ints[i + LAST_DATE] == given.date[r]:
                lapse[r] = ts - ints[i + LAST_TS]
            ints[i + LAST_TS] = ts
            ints[i + LAST_DATE] = given.date[r]
            fresh[r] = 1
        bars[r] = ints[i + SEEN]


class TickFramer:
    """Makes the frames of one clock of ticks from those of its base."""

    def __init__(self, clock: Clock, places: Places) -> None:
        """Start with nothing seen."""
        self.clock = clock
        self.table = Table(0, TICK_INTS)
        self._places = places

    def tables(self) -> dict[str, Table]:
        """Return its state by name."""
        return {"ticks": self.table}

    def seen(self, slot: int) -> int:
        """Return how many bars of an instrument have been seen."""
        return int(self.table.ints[slot, SEEN]) if 0 <= slot < len(self.table.ints) else 0

    def counts(self, slots: int) -> NDArray[np.int64]:
        """Return the same of each slot, and 0 of an instrument not seen so far."""
        return self.table.counts(SEEN, slots)

    def frame(self, selection: Selection, base: Frame | None) -> Frame | None:
        """Return the ticks to evaluate, and the bars of the base clock between."""
        ticks = self._ticks(selection)
        frame = ticks if base is None else _merged(base, ticks)
        if frame is None:
            return None
        count = len(frame.order)
        out = [0] * count, [0] * count, [0] * count
        given = Ticks(
            frame.slot.tolist(),
            frame.rows["ts"].tolist(),
            frame.where.date.tolist(),
            frame.clock.tolist(),
            (frame.bar & (frame.where.date >= 0)).tolist(),
        )
        admit_ticks(count, given, self.table.state(self._places.slots), out)
        fresh, lapse, bars = (np.array(column, dtype=np.int64) for column in out)
        clock = fresh == 1
        whole = frame._replace(clock=clock, lapse=lapse, bars=bars)
        return kept_of(whole, clock | frame.bar | frame.daily)

    def _ticks(self, selection: Selection) -> Frame | None:
        rows = selection.rows
        mine = rows["kind"] == (Kind.TRADE if self.clock.price == "last" else Kind.QUOTE)
        at = mine.nonzero()[0]
        if not len(at):
            return None
        rows, slot = picked(rows, at), picked(selection.slot, at)
        ts = rows["ts"]
        where = self._places.located(slot, (ts, ts), self.clock.session)
        no = np.zeros(len(at), dtype=np.int64)
        frame = Frame(
            rows=self._priced(rows),
            order=2 * picked(selection.at, at) + 1,
            slot=slot,
            start=ts,
            where=where,
            daily=no == 1,
            bar=no == 1,
            clock=no == 0,
            peek=no == 1,
            evaluated=no,
            lapse=no,
            bars=no,
        )
        return kept_of(frame, where.date >= 0)

    def _priced(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return ticks as bars of one price; a quote's open and high are bid and ask."""
        match self.clock.price:
            case "last":
                return rows
            case "bid":
                price = rows["open"]
            case "ask":
                price = rows["high"]
            case _:  # mid, and mark: no source brings marks, so it is thinkorswim's, the mid
                price = (rows["open"] + rows["high"]) / 2
        made = empty_rows(len(rows))
        made["kind"], made["ts"] = rows["kind"], rows["ts"]
        for field in ("open", "high", "low", "close"):
            made[field] = price
        return made


def _merged(base: Frame, ticks: Frame | None) -> Frame | None:
    """Return bars and ticks by (order, ts); of the bars none is evaluated."""
    no = np.zeros(len(base.order), dtype=np.bool_)
    bars = kept_of(base._replace(clock=no, peek=no), base.bar | base.daily)
    if bars is None or ticks is None:
        return ticks if bars is None else bars
    where = Location(*(np.concatenate(pair) for pair in zip(bars.where, ticks.where, strict=True)))
    pairs = zip(_columns(bars), _columns(ticks), strict=True)
    columns: Sequence[Any] = [np.concatenate(pair) for pair in pairs]
    both = Frame(*columns)._replace(where=where)
    order = np.lexsort((both.rows["ts"], both.order))
    return _taken(both, order)


def kept_of(frame: Frame, keep: NDArray[np.bool_]) -> Frame | None:
    """Return the rows of a frame to keep, None if there are none."""
    kept = keep.nonzero()[0]
    return _taken(frame, kept) if len(kept) else None


def _taken(frame: Frame, at: NDArray[np.int64]) -> Frame:
    where = Location(*(column[at] for column in frame.where))
    columns: Sequence[Any] = [column[at] for column in _columns(frame)]
    taken = Frame(*columns)._replace(where=where)
    return taken._replace(evaluated=taken.clock.nonzero()[0])


def _columns(frame: Frame) -> Sequence[Any]:
    # Stand-ins for what is of another shape: replaced by who takes the columns apart.
    return tuple(frame._replace(where=frame.slot, evaluated=frame.slot))  # type: ignore[arg-type]
