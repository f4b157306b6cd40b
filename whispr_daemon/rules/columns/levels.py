"""Levels: the anchor and ATR of the period before, from daily bars.

A daily bar is the official one where the market source brings it. Where it does not, the day is
put together from the intraday bars of its session, if all of it was seen. Days make the periods of
a ladder (a day is a period of its own); of the 4-hour ladder the parts of a session take the place
of days.
"""

import math
from typing import Any, Final, NamedTuple, TypeAlias

from whispr_daemon.rules.functions.averages import smoothed
from whispr_daemon.rules.functions.folds import (
    NAN,
    Floats,
    Ints,
    State,
    true_range,
)
from whispr_daemon.rules.functions.sums import CARRIED, gathering
from whispr_daemon.rules.source import NOT_NEGATIVE

# State of a slot. The chain is what the periods so far make.
CLOSE: Final = 0  # the last chained close: the anchor
HIGH: Final = 1  # of the running day
LOW: Final = 2
LAST: Final = 3
ANCHOR: Final = 4  # of the levels that hold
ATR: Final = 5
TOP: Final = 6  # of the running period, from its days that are over
BOTTOM: Final = 7
ENDED: Final = 8  # its last close
TRADED: Final = 9  # the last close of the last day that was seen to its end
AVERAGE: Final = 10  # the ATR, as the indicator of that name keeps it: a run to the end
DAY: Final = 0  # the last day taken into a period
BARS: Final = 1  # periods chained so far
RUNNING: Final = 2  # the running day
WHOLE: Final = 3  # 0: missed its open; 1: seen from the open; 2: seen from open to close
HELD: Final = 4  # the period the levels hold for
PERIOD: Final = 5  # the running period
PENDING: Final = 6  # 1: it has days
COMPLETE: Final = 7  # 1: its first day is among them
DAY_PERIOD: Final = 8  # of the running day: its period,
DAY_FIRST: Final = 9  # whether it begins it,
DAY_LAST: Final = 10  # and whether it ends it
SEEN_END: Final = 11  # 1: its last bar was seen
TRADED_DAY: Final = 12
INTS: Final = 13

ALWAYS: Final = 1 << 40  # the count of pinned levels: more than any warmup needs


# A row as floats of eight bytes each.
WORDS: Final = 7
_HIGH: Final = 3
_LOW: Final = 4
_CLOSE: Final = 5
_WITHIN: Final = 1  # the part of a session that neither opens nor closes it

Bools: TypeAlias = Any  # a flat array of truths
Bar: TypeAlias = tuple[float, float, float]  # high, low, close
Span: TypeAlias = tuple[int, int, int, int]  # a day, its period, whether it begins and ends it
Told: TypeAlias = tuple[float, float, int, float, float]  # anchor, ATR, count, high, low


class Days(NamedTuple):
    """Intraday and daily rows in order. Days count from 1970-01-01; -1: in no session."""

    slot: Ints
    day: Ints  # of the row's session
    before: Ints  # the session before
    period: Ints
    first: Ints  # 1: the day begins its period
    last: Ints  # 1: it ends it
    part: Ints  # of the regular session: 0 outside, 1 within, +2 from its open, +4 to its close
    daily: Bools  # a daily bar
    bar: Bools  # an intraday bar; else a daily one, or a trade
    clock: Bools  # a row the rule is evaluated at
    prices: Floats  # the rows as they lie in memory, WORDS each


class How(NamedTuple):
    """How a ladder takes its anchor and ATR."""

    length: int  # of the ATR, in periods
    lenient: bool = False  # a day counts as whole if its slot was there before it
    last_trade: bool = False  # anchor: the last intraday close of the day, not the official one
    current: bool = False  # of the running period
    cents: bool = False  # the ATR is rounded
    ranges: bool = False  # the range of the period so far is asked for


class Levels(NamedTuple):
    """One value for each row the rule is evaluated at."""

    anchor: Floats
    atr: Floats
    high: Floats  # of the period so far; empty where it is not asked for
    low: Floats
    count: Ints  # periods behind the levels


def floats_of(length: int) -> int:
    """Return the floats of a slot; ``length`` is that of the ATR."""
    return AVERAGE + gathering(length)


def fold_levels(rows: int, days: Days, state: State, how: How, out: Levels) -> None:
    """Fold rows into the levels that hold at each. NaN where the day before has no bar."""
    width = floats_of(how.length)
    at, r = 0, 0
    while r < rows:
        r &= NOT_NEGATIVE
        i = days.slot[r] * INTS & NOT_NEGATIVE
        f = days.slot[r] * width & NOT_NEGATIVE
        told = levels_at(days, r, state, (f, i), how)
        if days.clock[r]:
            out.anchor[at], out.atr[at], out.count[at] = told[:3]
            if how.ranges:
                out.high[at], out.low[at] = told[3:]
            at += 1
        more = 0
        if follows(days, r, r) and not how.current:
            more = go_on(rows, days, state, (f, i, r, at), how, out)
        at += more
        r += more + 1


def levels_at(days: Days, r: int, state: State, where: tuple[int, int], how: How) -> Told:
    """Take a row in; return its levels, which mean nothing where nobody is evaluated.

    ``where`` is where the state of its slot begins, in floats and in ints.
    """
    f, i = where
    span = days.day[r], days.period[r], days.first[r], days.last[r]
    p = r * WORDS & NOT_NEGATIVE
    bar = days.prices[p + _HIGH], days.prices[p + _LOW], days.prices[p + _CLOSE]
    intraday = not days.daily[r] and span[0] >= 0
    if intraday and days.bar[r] and days.clock[r] and stay(state, i, span, how):
        extend_day(state, f, i, bar, days.part[r])  # within a day levels stand still
        return tell(state, f, i, span[1], how)
    if intraday and (days.bar[r] or days.clock[r]):
        if span[0] != state.ints[i + RUNNING]:
            close_day(state, f, i, how)
            open_day(state, f, i, span, how)
        if days.bar[r]:
            extend_day(state, f, i, bar, days.part[r])
    told = NAN, NAN, 0, NAN, NAN
    if days.clock[r]:
        if days.daily[r]:
            state.floats[f + HIGH] = bar[0]
            state.floats[f + LOW] = bar[1]
            state.floats[f + LAST] = bar[2]
            state.ints[i + RUNNING] = span[0]
        if state.ints[i + BARS] > 0 and state.ints[i + DAY] == days.before[r]:
            hold(state, f, i, span[1], how)
        told = tell(state, f, i, span[1], how)
    if days.daily[r] and span[0] > state.ints[i + DAY]:
        take_day(state, f, i, span, bar, how.length)
    return told


def stay(state: State, i: int, span: Span, how: How) -> bool:
    """Has the running day its levels, which stay until it is over?

    Not those from last trades: a daily bar that comes late may change them in its period.
    """
    ints = state.ints
    running = ints[i + RUNNING] == span[0] and ints[i + HELD] == span[1]
    return bool(running and not (how.current or how.last_trade))


def follows(days: Days, r: int, q: int) -> bool:
    """Is ``q`` an evaluated bar of the same instrument and day as ``r``?"""
    return bool(
        days.slot[q] == days.slot[r]
        and days.day[q] == days.day[r]
        and days.day[r] >= 0
        and days.bar[q]
        and days.clock[q]
        and not days.daily[q]
    )


def go_on(
    rows: int, days: Days, state: State, where: tuple[int, int, int, int], how: How, out: Levels
) -> int:
    """Take in the bars of a day that follow on a row, whose levels stay; return how many.

    ``where`` has the state of the slot, the row, and the place after its levels. A bar that opens
    or closes the session is not among them.
    """
    floats = state.floats
    f, i, r, at = where
    last = at - 1 & NOT_NEGATIVE
    anchor, atr, count = out.anchor[last], out.atr[last], out.count[last]
    high, low, close = floats[f + HIGH], floats[f + LOW], floats[f + LAST]
    more = 0
    for row in range(r + 1, rows):
        q = row & NOT_NEGATIVE
        if not (follows(days, r, q) and days.part[q] == _WITHIN):
            break
        p = q * WORDS & NOT_NEGATIVE
        bar = days.prices[p + _HIGH], days.prices[p + _LOW]
        high = high if high > bar[0] else bar[0]
        low = low if low < bar[1] else bar[1]
        close = days.prices[p + _CLOSE]
        n = at + more & NOT_NEGATIVE
        out.anchor[n], out.atr[n], out.count[n] = anchor, atr, count
        if how.ranges:
            out.high[n], out.low[n] = so_far(state, f, i, days.period[r], (high, low))
        more += 1
    floats[f + HIGH], floats[f + LOW], floats[f + LAST] = high, low, close
    return more


def hold(state: State, f: int, i: int, period: int, how: How) -> None:
    """Make the chain the levels of a period: they stay, also when its own bars are chained."""
    floats, ints = state
    ints[i + HELD] = period
    traded = how.last_trade and ints[i + TRADED_DAY] == ints[i + DAY]
    floats[f + ANCHOR] = floats[f + TRADED] if traded else floats[f + CLOSE]
    floats[f + ATR] = floats[f + AVERAGE] if ints[i + BARS] >= how.length else NAN


def tell(state: State, f: int, i: int, period: int, how: How) -> Told:
    """Return the levels of a row."""
    floats, ints = state
    held = ints[i + HELD] == period
    anchor = floats[f + ANCHOR] if held else NAN
    atr = floats[f + ATR] if held else NAN
    high, low = so_far(state, f, i, period, (floats[f + HIGH], floats[f + LOW]))
    if how.current and held and floats[f + LAST] == floats[f + LAST]:
        anchor = floats[f + LAST]
        move = true_range(high, low, floats[f + CLOSE])
        enough = ints[i + BARS] + 1 >= how.length
        atr = peeked(floats, f + AVERAGE, move, ints[i + BARS], how.length) if enough else NAN
    if how.cents:
        atr = math.floor(atr * 100.0 + 0.5) / 100.0 if atr == atr else NAN
    return anchor, atr, ints[i + BARS], high, low


def so_far(
    state: State, f: int, i: int, period: int, day: tuple[float, float]
) -> tuple[float, float]:
    """Return high and low of a period so far; ``day`` are those of the running day."""
    floats, ints = state
    high, low = day
    if ints[i + PENDING] and ints[i + PERIOD] == period:
        high = floats[f + TOP] if floats[f + TOP] > high else high
        low = floats[f + BOTTOM] if floats[f + BOTTOM] < low else low
        high = floats[f + TOP] if high != high else high
        low = floats[f + BOTTOM] if low != low else low
    return high, low


def close_day(state: State, f: int, i: int, how: How) -> None:
    """Take the running day if it was seen whole and no official bar of it has come."""
    floats, ints = state
    if ints[i + SEEN_END]:
        floats[f + TRADED] = floats[f + LAST]
        ints[i + TRADED_DAY] = ints[i + RUNNING]
    whole = ints[i + WHOLE] == 2 or (how.lenient and ints[i + WHOLE] == 1)
    if whole and ints[i + RUNNING] > ints[i + DAY] and floats[f + LAST] == floats[f + LAST]:
        span = ints[i + RUNNING], ints[i + DAY_PERIOD], ints[i + DAY_FIRST], ints[i + DAY_LAST]
        bar = floats[f + HIGH], floats[f + LOW], floats[f + LAST]
        take_day(state, f, i, span, bar, how.length)


def open_day(state: State, f: int, i: int, span: Span, how: How) -> None:
    """Begin a day of which nothing is seen yet."""
    floats, ints = state
    ints[i + WHOLE] = 1 if how.lenient and ints[i + RUNNING] else 0
    ints[i + RUNNING], ints[i + DAY_PERIOD], ints[i + DAY_FIRST], ints[i + DAY_LAST] = span
    ints[i + SEEN_END] = 0
    floats[f + HIGH] = NAN
    floats[f + LOW] = NAN
    floats[f + LAST] = NAN


def extend_day(state: State, f: int, i: int, bar: Bar, part: int) -> None:
    """Add an intraday bar to the running day; outside its session it changes nothing."""
    floats, ints = state
    high, low, close = bar
    if part & 1 == 0:
        return
    # Written so that the NaN of a session's start loses against any price.
    floats[f + HIGH] = floats[f + HIGH] if floats[f + HIGH] > high else high
    floats[f + LOW] = floats[f + LOW] if floats[f + LOW] < low else low
    floats[f + LAST] = close
    if part & 2:
        ints[i + WHOLE] = 1
    if part & 4:
        ints[i + SEEN_END] = 1
        if ints[i + WHOLE] == 1:
            ints[i + WHOLE] = 2


def take_day(state: State, f: int, i: int, span: Span, bar: Bar, length: int) -> None:
    """Take a daily bar into its period, and the period into the chain when it is over."""
    floats, ints = state
    day, period, first, last = span
    high, low, close = bar
    if ints[i + PENDING] and ints[i + PERIOD] != period:
        end_period(state, f, i, length)
    if ints[i + PENDING] == 0:
        ints[i + PENDING] = 1
        ints[i + PERIOD] = period
        ints[i + COMPLETE] = first
        floats[f + TOP] = high
        floats[f + BOTTOM] = low
    floats[f + TOP] = max(floats[f + TOP], high)
    floats[f + BOTTOM] = min(floats[f + BOTTOM], low)
    floats[f + ENDED] = close
    ints[i + DAY] = day
    if last:
        end_period(state, f, i, length)


def end_period(state: State, f: int, i: int, length: int) -> None:
    """Take the running period into the ATR if its days were seen from the first."""
    floats, ints = state
    if ints[i + COMPLETE]:
        chain(state, f, i, (floats[f + TOP], floats[f + BOTTOM], floats[f + ENDED]), length)
    ints[i + PENDING] = 0


def chain(state: State, f: int, i: int, bar: Bar, length: int) -> None:
    """Take a period's bar into the ATR; its close is the next anchor."""
    floats, ints = state
    high, low, close = bar
    bars = ints[i + BARS]
    move = true_range(high, low, floats[f + CLOSE])
    smoothed(floats, f + AVERAGE, move, bars, length)
    floats[f + CLOSE] = close
    ints[i + BARS] = bars + 1


def peeked(floats: Floats, f: int, move: float, bars: int, length: int) -> float:
    """Return what the ATR would be with one more range, and leave it as it was."""
    place = f + CARRIED + min(bars, length - 1)
    average, error, last = floats[f], floats[f + 1], floats[place]
    value = smoothed(floats, f, move, bars, length)
    floats[f], floats[f + 1], floats[place] = average, error, last
    return value
