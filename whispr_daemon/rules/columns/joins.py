"""Values of other clocks and other symbols, as they were last complete at each evaluation."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from typing_extensions import override

from whispr_daemon.domain.timeframe import DAY as DAY_LENGTH
from whispr_daemon.rules.column import Column, ended, is_whole
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.maker import Maker
from whispr_daemon.rules.columns.slots import picked
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.functions.folds import NAN, Floats, Ints, State

# State of a slot of the other desk, after the values that are carried.
TS: Final = 0  # end of the bar they are of
DATE: Final = 1  # its session
CLOSE: Final = 2  # when that ends, ns UTC
KNOWN: Final = 3  # 1: there is one
INTS: Final = 4

_STALE_BARS: Final = 3
_FAR: Final = 1 << 62


class Sources(NamedTuple):
    """Rows of the other desk."""

    order: Ints
    ts: Ints
    slot: Ints
    date: Ints
    close: Ints  # end of the row's session
    values: Sequence[Floats]  # that are carried
    lasting: Ints  # 1: however old, as a count is


class Readers(NamedTuple):
    """Rows that read."""

    order: Ints
    ts: Ints
    slot: Ints  # of the other desk that each reads; -1: none
    date: Ints
    before: Ints  # date of the session before
    open: Ints  # start of the row's session


class Carried(NamedTuple):
    """What readers get: values, and the end of the bar they are of (ns UTC; 0: there is none)."""

    values: Sequence[Floats]
    ended: Ints


class Freshness(NamedTuple):
    """How old a value may be."""

    session: int  # ns of open market; 0: any age
    days: int  # of a daily bar


def carry(
    counts: tuple[int, int],
    given: Sources,
    readers: Readers,
    state: State,
    limit: Freshness,
    out: Carried,
) -> None:
    """Give each reader the newest row not after it by (order, ts), NaN if none is fresh."""
    floats, ints = state
    rows, reads = counts
    width = len(given.values)
    r = 0
    for q in range(reads + 1):
        order = readers.order[q] if q < reads else _FAR
        ts = readers.ts[q] if q < reads else _FAR
        while r < rows and (
            given.order[r] < order or (given.order[r] == order and given.ts[r] <= ts)
        ):
            s = given.slot[r]
            for k in range(width):
                floats[s * width + k] = given.values[k][r]
            ints[s * INTS + TS] = given.ts[r]
            ints[s * INTS + DATE] = given.date[r]
            ints[s * INTS + CLOSE] = given.close[r]
            ints[s * INTS + KNOWN] = 1
            r += 1
        if q < reads and readers.slot[q] >= 0:
            s = readers.slot[q]
            if ints[s * INTS + KNOWN]:
                fresh = _fresh(readers, q, ints, s * INTS, limit)
                out.ended[q] = ints[s * INTS + TS]
                for k in range(width):
                    if fresh or given.lasting[k]:
                        out.values[k][q] = floats[s * width + k]


def _fresh(readers: Readers, q: int, ints: Ints, i: int, limit: Freshness) -> bool:
    """Is the value young enough? Only time counts in which the market was open."""
    date = ints[i + DATE]
    if limit.days:
        return bool(readers.date[q] - date <= limit.days)
    if limit.session == 0:
        return True
    age = readers.ts[q] - ints[i + TS]
    if date < readers.date[q]:
        if date < readers.before[q]:
            return False
        age = max(ints[i + CLOSE] - ints[i + TS], 0) + readers.ts[q] - readers.open[q]
    return bool(age <= limit.session)


class JoinMaker(Maker):
    """Carries columns of one desk to the rows of another."""

    def __init__(
        self, desk: Desk, key: str, other: Desk, carried: dict[Column, Column], symbol: str
    ) -> None:
        """``carried`` maps columns there to columns here; ``symbol`` empty: the row's own."""
        super().__init__(desk, key)
        self.other = other
        self.symbol = symbol
        self._carried = carried
        self.table: Table = Table(len(carried), INTS)
        self._limit = freshness(desk, other) if symbol else Freshness(0, 0)

    def brings(self, column: Column) -> bool:
        """Is a column of this desk carried here?"""
        return column in self._carried.values()

    def known(self, column: Column, slot: int) -> int:
        """Return the count a column of this desk was last given for an instrument."""
        if self.symbol:
            slot = self.desk.places.known(self.symbol)
        if not 0 <= slot < len(self.table.ints) or not self.table.ints[slot, KNOWN]:
            return 0
        place = list(self._carried.values()).index(column)
        return int(self.table.floats[slot, place])

    @override
    def fill(self) -> None:
        here, there = self.desk, self.other
        if here.frame is None and there.frame is None:
            return
        rows, reads = there.count, here.count
        out = Carried([[NAN] * reads for _ in self._carried], [0] * reads)
        state = self.table.state(here.places.slots)
        carry((rows, reads), self._sources(), self._readers(), state, self._limit, out)
        if self.symbol:
            here.values[ended(self.key)] = out.ended
        for column, values in zip(self._carried.values(), out.values, strict=True):
            whole = is_whole(column)
            here.values[column] = [0 if x != x else int(x) for x in values] if whole else values

    def _sources(self) -> Sources:
        there = self.other
        lasting = [int(column.part == "count") for column in self._carried.values()]
        if there.frame is None:
            return Sources([], [], [], [], [], [[] for _ in self._carried], lasting)
        where, at = there.frame.where, there.frame.evaluated
        return Sources(
            there.order,
            there.ts,
            there.slot,
            picked(where.date, at).tolist(),
            picked(where.last, at).tolist(),
            [there.values[column] for column in self._carried],
            lasting,
        )

    def _readers(self) -> Readers:
        here = self.desk
        if here.frame is None:
            return Readers([], [], [], [], [], [])
        where, at = here.frame.where, here.frame.evaluated
        slot = here.slot
        if self.symbol:
            slot = [here.places.known(self.symbol)] * len(slot)
        return Readers(
            here.order,
            here.ts,
            slot,
            picked(where.date, at).tolist(),
            picked(where.before, at).tolist(),
            picked(where.first, at).tolist(),
        )


def freshness(desk: Desk, other: Desk) -> Freshness:
    """Return how old values of another symbol may be: as its rule says, else 3 of their bars."""
    length = other.clock.length
    limit = max(desk.clock.stale_after or _STALE_BARS * length, length)
    if length >= DAY_LENGTH:
        return Freshness(0, limit // DAY_LENGTH * 7 // 5 + 3)  # weekends and holidays are in it
    return Freshness(limit, 0)
