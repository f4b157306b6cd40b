"""Bars of one timeframe: those the log brings, else bars made of finer bars or of trades.

A slot is locked to the finest thing it began with: one finer timeframe, or trades while it has no
bars. Bars of the timeframe itself win once one was seen. A bar made here is complete at the row
whose end reaches its end, else at the first later row of its slot or the first clock tick not
before its end; then it takes its place just before that row.
"""

from whispr_daemon.rules.columns.making import (
    BAR,
    BOUND,
    DONE,
    DUE,
    END,
    EVER,
    FLOATS,
    INTS,
    KNOWN,
    LAST,
    NATIVE,
    NEXT_BOUND,
    NEXT_END,
    OUTSIDE,
    PEEK,
    SOURCE,
    TICK,
    TRADE,
    WHOLE,
    WHOLE_BAR,
    Arrived,
    Gathered,
    Making,
    add,
    begin,
    complete,
    prices,
    settle,
    take,
)
from whispr_daemon.rules.columns.making import due as due_at
from whispr_daemon.rules.functions.folds import Ints, State


def gather(rows: int, given: Arrived, state: State, making: Making, slots: int) -> Gathered:
    """Take rows in and return the bars of the clock."""
    out = Gathered([], [], [], [], [], [], [], [], [], [])
    ints, grace = state.ints, making.grace
    due = 0  # no later than the next bar that a tick completes
    for r in range(rows):
        end = given.end[r]
        if given.kind[r] == TICK:
            if end >= due:
                due = end + making.length
                for s in range(slots):
                    settle(state, s, end, 2 * given.at[r], (making, out))
                    due = min(due, due_at(ints, s * INTS, making))
            continue
        s = given.slot[r]
        i = s * INTS
        if given.kind[r] != BAR and ints[i + NATIVE] and not making.forming:
            continue
        # A trade says that time has come to what is no later than it by more than the grace.
        over = given.start[r] - (grace if given.kind[r] == TRADE else 0)
        settle(state, s, over, 2 * given.at[r], (making, out))
        if given.kind[r] == BAR:
            _native(given, r, state, (making, out))
        else:
            _made(given, r, state, (making, out))
        ints[i + EVER] = max(ints[i + EVER], end)
        due = min(due, due_at(ints, i, making))
    return out


def _native(given: Arrived, r: int, state: State, what: tuple[Making, Gathered]) -> None:
    """Pass on a bar of the timeframe; what was being made of it is dropped."""
    making, out = what
    floats, ints = state
    s = given.slot[r]
    f, i = s * FLOATS, s * INTS
    ints[i + NATIVE] = 1
    if not making.forming:
        ints[i + END] = ints[i + NEXT_END] = 0
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
    bucket = _bucket(given, r, making)
    if bucket[1] <= ints[i + DONE] or bucket[1] < ints[i + END] or _is_late(given, r, ints, making):
        return
    early = given.kind[r] == TRADE and bucket[0] > given.end[r] - making.grace
    if early and ints[i + END] != bucket[1]:  # else a later one has begun its bar
        _wait(given, r, state, bucket)
        return
    if ints[i + END] == 0:
        _open(given, r, state, bucket, making)
    take(given, r, state)
    if given.end[r] >= bucket[1] and not making.daily and given.kind[r] != TRADE:
        complete(state, s, 2 * given.at[r] + 1, what)
    elif making.forming:
        where = (2 * given.at[r] + 1, s, PEEK, bucket[0], given.end[r])
        add(out, where, prices(floats, f))


def _wait(given: Arrived, r: int, state: State, bucket: tuple[int, int]) -> None:
    """Take a trade into the next bar: to the one before there may still come some."""
    i = given.slot[r] * INTS
    if state.ints[i + NEXT_END] == 0:
        begin(given, r, state, bucket, 1)
        state.ints[i + NEXT_BOUND] = given.last[r]
    take(given, r, state, 1)


def _is_late(given: Arrived, r: int, ints: Ints, making: Making) -> bool:
    """Is it a repeat, or too late for any bar?"""
    i = given.slot[r] * INTS
    if given.kind[r] == TRADE:
        return bool(given.end[r] < ints[i + EVER] - making.grace)
    return bool(ints[i + END] > 0 and given.end[r] <= ints[i + LAST])


def _open(given: Arrived, r: int, state: State, bucket: tuple[int, int], making: Making) -> None:
    """Begin the bar in the making."""
    ints = state.ints
    i = given.slot[r] * INTS
    begin(given, r, state, bucket)
    ints[i + DUE] = given.due[r] if making.daily else bucket[1]
    ints[i + BOUND] = given.last[r] if making.carry else 0
    ints[i + DONE] = max(ints[i + DONE], bucket[0])  # silence before a session's first bar is none
    before = ints[i + EVER]
    seen = given.start[r] == bucket[0] or (given.kind[r] == TRADE and 0 < before <= bucket[0])
    ints[i + WHOLE] = 1 if seen else 0


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
        ints[i + END] = ints[i + NEXT_END] = 0  # of trades: the bars say it again
    return bool(ints[i + SOURCE] == source)


def _bucket(given: Arrived, r: int, making: Making) -> tuple[int, int]:
    """Return start and end of the bar a row belongs to."""
    first, last = given.first[r], given.last[r]
    if making.daily:
        return first, last
    start = first + (given.start[r] - first) // making.length * making.length
    return start, min(start + making.length, last)


def _pass(given: Arrived, r: int, role: int, out: Gathered) -> None:
    where = (2 * given.at[r] + 1, given.slot[r], role, given.start[r], given.end[r])
    add(out, where, (given.open[r], given.high[r], given.low[r], given.close[r], given.volume[r]))
