"""Bars of one timeframe: those the log brings, else bars made of finer bars or of trades.

A slot is locked to the finest thing it began with: one finer timeframe, or trades while it has no
bars. Bars of the timeframe itself win once one was seen. A bar made here is complete at the row
whose end reaches its end, else at the first later row of its slot or the first clock tick not
before its end; then it takes its place just before that row.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from whispr_daemon.rules.functions.folds import Floats, Ints, State

# State of a slot.
OPEN: Final = 0  # of the bar in the making
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
VOLUME: Final = 4
KNOWN: Final = 5  # the last close, of which flat bars are made
FLOATS: Final = 6
SOURCE: Final = 0  # 0: none yet; 1: trades; 1 + code: bars of that timeframe
NATIVE: Final = 1  # 1: bars of the timeframe itself come
START: Final = 2  # of the bar in the making
END: Final = 3  # 0: there is none in the making
DUE: Final = 4  # when it is complete though nothing reaches its end
LAST: Final = 5  # end of the last row in it
DONE: Final = 6  # end of the last complete bar
BOUND: Final = 7  # end of that bar's session, 0 where no flat bar may follow
WHOLE: Final = 8  # 1: seen from the start of its session
EVER: Final = 9  # end of the newest row of the slot
INTS: Final = 10

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


def gather(rows: int, given: Arrived, state: State, making: Making, slots: int) -> Gathered:
    """Take rows in and return the bars of the clock."""
    out = Gathered([], [], [], [], [], [], [], [], [], [])
    ints = state.ints
    due = 0  # no later than the next bar that a tick completes
    for r in range(rows):
        end = given.end[r]
        if given.kind[r] == TICK:
            if end >= due:
                due = end + making.length
                for s in range(slots):
                    _settle(state, s, end, 2 * given.at[r], (making, out))
                    due = min(due, _due(ints, s * INTS, making))
            continue
        s = given.slot[r]
        i = s * INTS
        if given.kind[r] != BAR and ints[i + NATIVE] and not making.forming:
            continue
        _settle(state, s, given.start[r], 2 * given.at[r], (making, out))
        if given.kind[r] == BAR:
            _native(given, r, state, (making, out))
        else:
            _made(given, r, state, (making, out))
        ints[i + EVER] = max(ints[i + EVER], end)
        due = min(due, _due(ints, i, making))
    return out


def _due(ints: Ints, i: int, making: Making) -> int:
    """Return when a slot's next bar is complete."""
    never = 1 << 62
    pending = ints[i + DUE] if ints[i + END] else never
    silent = making.carry and ints[i + DONE] < ints[i + BOUND]
    return min(pending, ints[i + DONE] + making.length if silent else never)


def _settle(state: State, s: int, now: int, order: int, what: tuple[Making, Gathered]) -> None:
    """Complete what is over at ``now``; fill silent time."""
    making, ints = what[0], state.ints
    i = s * INTS
    if ints[i + END] and ints[i + DUE] <= now:
        if making.carry:
            _flat(state, s, ints[i + START], order, what)
        _complete(state, s, order, what)
    if making.carry:
        until = min(now, ints[i + BOUND])
        if ints[i + END]:
            until = min(until, ints[i + START])
        _flat(state, s, until, order, what)


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
        _add(out, (order, s, WHOLE_BAR, start, end), (known, known, known, known, 0.0))


def _complete(state: State, s: int, order: int, what: tuple[Making, Gathered]) -> None:
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
    _add(out, (order, s, WHOLE_BAR, ints[i + START], end), _bar(floats, f))


def _native(given: Arrived, r: int, state: State, what: tuple[Making, Gathered]) -> None:
    """Pass on a bar of the timeframe; what was being made of it is dropped."""
    making, out = what
    floats, ints = state
    s = given.slot[r]
    f, i = s * FLOATS, s * INTS
    ints[i + NATIVE] = 1
    if not making.forming:
        ints[i + END] = 0
    outside = given.first[r] < 0
    over = given.last[r] if making.daily else given.end[r]
    if not outside and over <= ints[i + DONE]:
        return  # late, or made of others before
    if outside:
        if making.around:
            _pass(given, r, OUTSIDE, out)
        return
    if ints[i + END] <= over:
        ints[i + END] = 0
    ints[i + DONE] = over
    if making.carry:
        ints[i + BOUND] = given.last[r]
        floats[f + KNOWN] = given.close[r]
    _pass(given, r, WHOLE_BAR, out)


def _made(given: Arrived, r: int, state: State, what: tuple[Making, Gathered]) -> None:
    """Take a finer bar or a trade into the bar in the making."""
    making, out = what
    floats, ints = state
    s = given.slot[r]
    f, i = s * FLOATS, s * INTS
    if not _chosen(given, r, ints, making):
        return
    if given.first[r] < 0:
        if making.around:
            _pass(given, r, OUTSIDE, out)
        return
    start, end = _bucket(given, r, making)
    trade = given.kind[r] == TRADE
    if end <= ints[i + DONE] or end < ints[i + END]:
        return  # late
    if given.end[r] < ints[i + LAST] or (given.end[r] == ints[i + LAST] and not trade):
        return  # a repeat, or late
    if ints[i + END] == 0:
        _begin(given, r, state, (start, end))
        ints[i + DUE] = given.due[r] if making.daily else end
        ints[i + BOUND] = given.last[r] if making.carry else 0
    floats[f + HIGH] = max(floats[f + HIGH], given.high[r])
    floats[f + LOW] = min(floats[f + LOW], given.low[r])
    floats[f + CLOSE] = given.close[r]
    floats[f + VOLUME] += given.volume[r]
    ints[i + LAST] = given.end[r]
    if given.end[r] >= end and not making.daily and not trade:
        _complete(state, s, 2 * given.at[r] + 1, what)
    elif making.forming:
        _add(out, (2 * given.at[r] + 1, s, PEEK, start, given.end[r]), _bar(floats, f))


def _chosen(given: Arrived, r: int, ints: Ints, making: Making) -> bool:
    """Is the row of what this slot's bars are made of? The first such row decides."""
    i = given.slot[r] * INTS
    source = given.source[r]
    if making.ticking:
        return bool(source == 1)
    if ints[i + NATIVE] and not making.forming:
        return False
    if ints[i + SOURCE] == 0 or (ints[i + SOURCE] == 1 and source > 1):
        ints[i + SOURCE] = source
        ints[i + END] = 0  # of trades: the bars say it again
        ints[i + LAST] = 0
    return bool(ints[i + SOURCE] == source)


def _bucket(given: Arrived, r: int, making: Making) -> tuple[int, int]:
    """Return start and end of the bar a row belongs to."""
    first, last = given.first[r], given.last[r]
    if making.daily:
        return first, last
    start = first + (given.start[r] - first) // making.length * making.length
    return start, min(start + making.length, last)


def _begin(given: Arrived, r: int, state: State, bucket: tuple[int, int]) -> None:
    floats, ints = state
    s = given.slot[r]
    f, i = s * FLOATS, s * INTS
    ints[i + START], ints[i + END] = bucket
    ints[i + DONE] = max(ints[i + DONE], bucket[0])  # silence before a session's first bar is none
    before = ints[i + EVER]
    seen = given.start[r] == bucket[0] or (given.kind[r] == TRADE and 0 < before <= bucket[0])
    ints[i + WHOLE] = 1 if seen else 0
    floats[f + OPEN] = given.open[r]
    floats[f + HIGH] = given.high[r]
    floats[f + LOW] = given.low[r]
    floats[f + VOLUME] = 0.0


def _bar(floats: Floats, f: int) -> tuple[float, float, float, float, float]:
    return (
        floats[f + OPEN],
        floats[f + HIGH],
        floats[f + LOW],
        floats[f + CLOSE],
        floats[f + VOLUME],
    )


def _pass(given: Arrived, r: int, role: int, out: Gathered) -> None:
    where = (2 * given.at[r] + 1, given.slot[r], role, given.start[r], given.end[r])
    _add(out, where, (given.open[r], given.high[r], given.low[r], given.close[r], given.volume[r]))


def _add(out: Gathered, where: tuple[int, ...], prices: tuple[Any, ...]) -> None:
    columns: Sequence[Any] = out
    for column, value in zip(columns, (*where, *prices), strict=True):
        column.append(value)
