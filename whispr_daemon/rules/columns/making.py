"""The bar in the making of a slot, and the one after it: how they grow and end.

Trades may come in another order than they happened. So a bar of trades waits some time past its end
for those that belong to it; meanwhile later trades make the next bar.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from whispr_daemon.rules.functions.folds import Floats, Ints, State

# State of a slot. A bar in the making, then the next one.
OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
VOLUME: Final = 4
BAR_FLOATS: Final = 5
KNOWN: Final = 10  # the last close, of which flat bars are made
FLOATS: Final = 11
START: Final = 0
END: Final = 1  # 0: there is none
FIRST: Final = 2  # end of the earliest row in it
LAST: Final = 3  # and of the latest
BAR_INTS: Final = 4
NEXT_START: Final = BAR_INTS + START
NEXT_END: Final = BAR_INTS + END
NEXT_BOUND: Final = 8
SOURCE: Final = 9  # 0: none yet; 1: trades; 1 + code: bars of that timeframe
NATIVE: Final = 10  # 1: bars of the timeframe itself come
DUE: Final = 11  # when the bar is complete though nothing reaches its end
DONE: Final = 12  # end of the last complete bar
BOUND: Final = 13  # end of that bar's session, 0 where no flat bar may follow
WHOLE: Final = 14  # 1: the bar was seen from the start of its session
EVER: Final = 15  # end of the newest row of the slot
INTS: Final = 16

# Kinds of rows that reach a clock.
BAR: Final = 0  # of its timeframe
FINER: Final = 1
TRADE: Final = 2
TICK: Final = 3

# Roles of rows that leave.
WHOLE_BAR: Final = 0
OUTSIDE: Final = 1  # a bar outside the session: not evaluated
PEEK: Final = 2  # the bar in the making, as it stands


class Arrived(NamedTuple):
    """Rows that reach a clock, in order; of a tick only ``at``, ``kind`` and ``end`` count."""

    at: Ints  # the place in the batch
    kind: Ints
    source: Ints  # 1: trades; 1 + code of the timeframe
    slot: Ints
    start: Ints
    end: Ints
    first: Ints  # where the row's session begins; -1: outside
    last: Ints  # where it ends
    due: Ints  # of daily bars: the open of the next session
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Making(NamedTuple):
    """How bars are made."""

    length: int  # ns
    daily: bool  # a session is a bar: it waits for the official one until the next session
    carry: bool  # silent time within a session makes flat bars
    forming: bool  # show the bar in the making
    ticking: bool  # show it at trades only, though bars come too
    around: bool  # pass on the bars outside the session
    grace: int  # ns, how long a bar of trades waits for late ones; at most half its length


class Gathered(NamedTuple):
    """Bars as they come, by ``order``: twice the place in the batch, and 1 more if not before it.

    Lists, appended to.
    """

    order: list[int]
    slot: list[int]
    role: list[int]
    start: list[int]
    end: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]


def begin(given: Arrived, r: int, state: State, bucket: tuple[int, int], which: int = 0) -> None:
    """Begin a bar with a row that is not taken in yet; ``which`` is 1 for the next one."""
    floats, ints = state
    s = given.slot[r]
    f, i = s * FLOATS + which * BAR_FLOATS, s * INTS + which * BAR_INTS
    ints[i + START], ints[i + END] = bucket
    ints[i + FIRST], ints[i + LAST] = given.end[r], 0
    floats[f + OPEN] = given.open[r]
    floats[f + HIGH] = given.high[r]
    floats[f + LOW] = given.low[r]
    floats[f + VOLUME] = 0.0


def take(given: Arrived, r: int, state: State, which: int = 0) -> None:
    """Take a row into a bar; in whatever order rows come, the same comes of them."""
    floats, ints = state
    s = given.slot[r]
    f, i = s * FLOATS + which * BAR_FLOATS, s * INTS + which * BAR_INTS
    if given.end[r] < ints[i + FIRST]:
        floats[f + OPEN] = given.open[r]
        ints[i + FIRST] = given.end[r]
    if given.end[r] >= ints[i + LAST]:
        floats[f + CLOSE] = given.close[r]
        ints[i + LAST] = given.end[r]
    floats[f + HIGH] = max(floats[f + HIGH], given.high[r])
    floats[f + LOW] = min(floats[f + LOW], given.low[r])
    floats[f + VOLUME] += given.volume[r]


def settle(state: State, s: int, now: int, order: int, what: tuple[Making, Gathered]) -> None:
    """Complete what is over at ``now``; fill silent time."""
    ints = state.ints
    i = s * INTS
    _advance(state, s, now, order, what)
    if ints[i + NEXT_END] and ints[i + NEXT_START] <= now:
        _promote(state, s, what[0])
        _advance(state, s, now, order, what)


def due(ints: Ints, i: int, making: Making) -> int:
    """Return when something of a slot is over next."""
    never = 1 << 62
    pending = ints[i + DUE] if ints[i + END] else never
    later = ints[i + NEXT_START] if ints[i + NEXT_END] else never
    silent = making.carry and ints[i + DONE] < ints[i + BOUND]
    return min(pending, later, ints[i + DONE] + making.length if silent else never)


def complete(state: State, s: int, order: int, what: tuple[Making, Gathered]) -> None:
    """End the bar in the making; of a day only if all of it was seen."""
    making, out = what
    floats, ints = state
    f, i = s * FLOATS, s * INTS
    end = ints[i + END]
    ints[i + END] = 0
    if ints[i + NATIVE]:
        return  # the log brings it
    ints[i + DONE] = end
    if making.daily and (ints[i + WHOLE] == 0 or ints[i + LAST] < end):
        return
    floats[f + KNOWN] = floats[f + CLOSE]
    add(out, (order, s, WHOLE_BAR, ints[i + START], end), prices(floats, f))


def prices(floats: Floats, f: int) -> tuple[float, float, float, float, float]:
    """Return open, high, low, close and volume of the bar at ``f``."""
    return (
        floats[f + OPEN],
        floats[f + HIGH],
        floats[f + LOW],
        floats[f + CLOSE],
        floats[f + VOLUME],
    )


def add(out: Gathered, where: tuple[int, ...], prices: tuple[Any, ...]) -> None:
    """Let a bar leave: order, slot, role, start and end; open, high, low, close and volume."""
    columns: Sequence[Any] = out
    for column, value in zip(columns, (*where, *prices), strict=True):
        column.append(value)


def _advance(state: State, s: int, now: int, order: int, what: tuple[Making, Gathered]) -> None:
    making, ints = what[0], state.ints
    i = s * INTS
    if ints[i + END] and ints[i + DUE] <= now:
        if making.carry:
            _flat(state, s, ints[i + START], order, what)
        complete(state, s, order, what)
    if making.carry:
        until = min(now, ints[i + BOUND])
        for begun in (START, NEXT_START):
            if ints[i + begun + 1]:
                until = min(until, ints[i + begun])
        _flat(state, s, until, order, what)


def _promote(state: State, s: int, making: Making) -> None:
    """Make the next bar the one in the making."""
    floats, ints = state
    f, i = s * FLOATS, s * INTS
    for place in range(BAR_FLOATS):
        floats[f + place] = floats[f + BAR_FLOATS + place]
    for place in range(BAR_INTS):
        ints[i + place] = ints[i + BAR_INTS + place]
    ints[i + NEXT_END] = 0
    ints[i + DUE] = ints[i + END]
    ints[i + BOUND] = ints[i + NEXT_BOUND] if making.carry else 0
    ints[i + DONE] = max(ints[i + DONE], ints[i + START])
    ints[i + WHOLE] = 0


def _flat(state: State, s: int, until: int, order: int, what: tuple[Making, Gathered]) -> None:
    """Add flat bars up to a time."""
    making, out = what
    floats, ints = state
    i = s * INTS
    known = floats[s * FLOATS + KNOWN]
    while ints[i + DONE] < ints[i + BOUND]:
        start = ints[i + DONE]
        end = min(start + making.length, ints[i + BOUND])
        if end > until:
            break
        ints[i + DONE] = end
        add(out, (order, s, WHOLE_BAR, start, end), (known, known, known, known, 0.0))
