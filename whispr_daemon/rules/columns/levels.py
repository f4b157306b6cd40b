"""Day levels: the anchor and ATR of the session before, from daily bars.

A daily bar is the official one where the market source brings it. Where it does not, the day is
put together from the intraday bars of the regular session, if all of it was seen.
"""

from typing import Final, NamedTuple, TypeAlias

from whispr_daemon.rules.functions.folds import NAN, Floats, Ints, State, true_range, wilder

# State of a slot. The chain is what the daily bars so far make; the sum is of the running session.
CLOSE: Final = 0  # the last chained close: the anchor
AVERAGE: Final = 1  # the ATR (its sum while it forms)
HIGH: Final = 2  # of the running session
LOW: Final = 3
LAST: Final = 4
ANCHOR: Final = 5  # of the levels that hold
ATR: Final = 6
FLOATS: Final = 7
DAY: Final = 0  # date of the last chained bar
BARS: Final = 1  # chained so far
RUNNING: Final = 2  # date of the running session
WHOLE: Final = 3  # 0: missed its open; 1: seen from the open; 2: seen from open to close
HELD: Final = 4  # date of the session the levels hold for
INTS: Final = 5

ALWAYS: Final = 1 << 40  # the count of pinned levels: more than any warmup needs


Bar: TypeAlias = tuple[float, float, float]  # high, low, close


class Days(NamedTuple):
    """Intraday and daily rows in order. Dates count days from 1970-01-01."""

    slot: Ints
    date: Ints  # of the row's session
    before: Ints  # the session before
    part: Ints  # of the regular session: 0 outside, 1 within, +2 from its open, +4 to its close
    daily: Ints  # 1: a daily bar
    clock: Ints  # 1: a row the rule is evaluated at
    high: Floats
    low: Floats
    close: Floats


class Levels(NamedTuple):
    """One value for each row the rule is evaluated at."""

    anchor: Floats
    atr: Floats
    high: Floats  # of the session so far
    low: Floats
    count: Ints  # daily bars behind the levels


def day_levels(rows: int, days: Days, state: State, length: int, out: Levels) -> None:
    """Fold rows into the levels that hold at each. NaN where the day before has no bar."""
    floats, ints = state
    at = 0
    for r in range(rows):
        f = days.slot[r] * FLOATS
        i = days.slot[r] * INTS
        daily = days.daily[r]
        if days.clock[r]:
            if daily:
                floats[f + HIGH] = days.high[r]
                floats[f + LOW] = days.low[r]
            else:
                if days.date[r] != ints[i + RUNNING]:
                    close_day(state, f, i, length)
                    open_day(state, f, i, days.date[r])
                extend_day(state, f, i, (days.high[r], days.low[r], days.close[r]), days.part[r])
            if ints[i + BARS] > 0 and ints[i + DAY] == days.before[r]:
                hold(state, f, i, days.date[r], length)
            held = ints[i + HELD] == days.date[r]
            out.anchor[at] = floats[f + ANCHOR] if held else NAN
            out.atr[at] = floats[f + ATR] if held else NAN
            out.high[at] = floats[f + HIGH]
            out.low[at] = floats[f + LOW]
            out.count[at] = ints[i + BARS]
            at += 1
        if daily and (ints[i + BARS] == 0 or days.date[r] > ints[i + DAY]):
            chain(state, f, i, (days.high[r], days.low[r], days.close[r]), length)
            ints[i + DAY] = days.date[r]


def hold(state: State, f: int, i: int, date: int, length: int) -> None:
    """Make the chain the levels of a session: they stay, also when its own daily bar is chained."""
    floats, ints = state
    ints[i + HELD] = date
    floats[f + ANCHOR] = floats[f + CLOSE]
    floats[f + ATR] = floats[f + AVERAGE] if ints[i + BARS] >= length else NAN


def close_day(state: State, f: int, i: int, length: int) -> None:
    """Chain the running session if it was seen whole and no official bar of it has come."""
    floats, ints = state
    if ints[i + WHOLE] == 2 and (ints[i + BARS] == 0 or ints[i + RUNNING] > ints[i + DAY]):
        chain(state, f, i, (floats[f + HIGH], floats[f + LOW], floats[f + LAST]), length)
        ints[i + DAY] = ints[i + RUNNING]


def open_day(state: State, f: int, i: int, date: int) -> None:
    """Begin a session of which nothing is seen yet."""
    floats, ints = state
    ints[i + RUNNING] = date
    ints[i + WHOLE] = 0
    floats[f + HIGH] = NAN
    floats[f + LOW] = NAN
    floats[f + LAST] = NAN


def extend_day(state: State, f: int, i: int, bar: Bar, part: int) -> None:
    """Add an intraday bar to the running session; outside the regular one it changes nothing."""
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
    if part & 4 and ints[i + WHOLE] == 1:
        ints[i + WHOLE] = 2


def chain(state: State, f: int, i: int, bar: Bar, length: int) -> None:
    """Take a daily bar into the ATR; its close is the next anchor."""
    floats, ints = state
    high, low, close = bar
    bars = ints[i + BARS]
    move = true_range(high, low, floats[f + CLOSE])
    floats[f + AVERAGE] = wilder(floats[f + AVERAGE], move, bars, length)
    floats[f + CLOSE] = close
    ints[i + BARS] = bars + 1
