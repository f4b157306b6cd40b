"""What sessions were like: their prices so far, those of the one before, what came before the open.

A session is the regular one. Its prices are those of completed bars.
"""

from typing import Final, NamedTuple

from whispr_daemon.rules.functions.folds import NAN, Floats, Ints, State

# State of a slot.
OPEN: Final = 0  # of the running session
HIGH: Final = 1
LOW: Final = 2
LAST: Final = 3
MONEY: Final = 4  # sum of hlc3 * volume
VOLUME: Final = 5
PREV_CLOSE: Final = 6
PREV_HIGH: Final = 7
PREV_LOW: Final = 8
EARLY_HIGH: Final = 9  # before the open
EARLY_LOW: Final = 10
DAY_CLOSE: Final = 11  # of the last daily bar
DAY_HIGH: Final = 12
DAY_LOW: Final = 13
FLOATS: Final = 14
RUNNING: Final = 0  # date of the running session
BEFORE: Final = 1  # date of the one before
EARLY: Final = 2  # the date EARLY_HIGH is of
DAY: Final = 3  # date of the last daily bar
STARTED: Final = 4  # 1: the running session was seen from its open
ENDED: Final = 5  # 1: and to its close
INTS: Final = 6

NAMES: Final = (
    "session.open",
    "session.high",
    "session.low",
    "session.vwap",
    "session.gap",
    "prev.close",
    "prev.high",
    "prev.low",
    "premarket.high",
    "premarket.low",
)


class Around(NamedTuple):
    """Rows in order. Dates count days from 1970-01-01; -1: in no session, not even extended."""

    slot: Ints
    date: Ints
    before: Ints
    opens: Ints  # ns UTC, of the regular session
    start: Ints
    end: Ints
    part: Ints  # of the regular session: 0 outside, 1 within, +2 from its open, +4 to its close
    daily: Ints  # 1: a daily bar
    bar: Ints  # 1: an intraday bar
    clock: Ints  # 1: a row the rule is evaluated at
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def fold_sessions(rows: int, given: Around, state: State, out: list[Floats]) -> None:
    """Fold rows into one value a name of NAMES for each row the rule is evaluated at."""
    floats, ints = state
    at = 0
    for r in range(rows):
        f, i = given.slot[r] * FLOATS, given.slot[r] * INTS
        date = given.date[r]
        if date >= 0 and date > ints[i + RUNNING] and (given.bar[r] or given.clock[r]):
            _roll(state, f, i, date, given.before[r])
        if given.bar[r] and date >= 0 and date == ints[i + RUNNING]:
            _extend(given, r, state, f, i)
        if given.clock[r]:
            _tell(state, f, i, at, out)
            at += 1
        if given.daily[r] and date > ints[i + DAY]:
            ints[i + DAY] = date
            floats[f + DAY_CLOSE] = given.close[r]
            floats[f + DAY_HIGH] = given.high[r]
            floats[f + DAY_LOW] = given.low[r]
            if date == ints[i + BEFORE]:
                _official(floats, f)


def _roll(state: State, f: int, i: int, date: int, before: int) -> None:
    """Begin a session: what ran is the one before, or a daily bar is, or nothing known."""
    floats, ints = state
    seen = ints[i + RUNNING] == before and ints[i + ENDED] == 1
    whole = seen and ints[i + STARTED] == 1
    floats[f + PREV_CLOSE] = floats[f + LAST] if seen else NAN
    floats[f + PREV_HIGH] = floats[f + HIGH] if whole else NAN
    floats[f + PREV_LOW] = floats[f + LOW] if whole else NAN
    if ints[i + DAY] == before:
        _official(floats, f)
    ints[i + RUNNING] = date
    ints[i + BEFORE] = before
    ints[i + STARTED] = 0
    ints[i + ENDED] = 0
    for place in range(OPEN, MONEY):
        floats[f + place] = NAN
    floats[f + MONEY] = 0.0
    floats[f + VOLUME] = 0.0


def _official(floats: Floats, f: int) -> None:
    floats[f + PREV_CLOSE] = floats[f + DAY_CLOSE]
    floats[f + PREV_HIGH] = floats[f + DAY_HIGH]
    floats[f + PREV_LOW] = floats[f + DAY_LOW]


def _extend(given: Around, r: int, state: State, f: int, i: int) -> None:
    floats, ints = state
    high, low, close = given.high[r], given.low[r], given.close[r]
    part = given.part[r]
    if part & 1 == 0:
        if given.start[r] >= given.opens[r]:
            return
        first = ints[i + EARLY] != given.date[r]
        ints[i + EARLY] = given.date[r]
        floats[f + EARLY_HIGH] = high if first else max(floats[f + EARLY_HIGH], high)
        floats[f + EARLY_LOW] = low if first else min(floats[f + EARLY_LOW], low)
        return
    first = floats[f + OPEN] != floats[f + OPEN]
    floats[f + OPEN] = given.open[r] if first else floats[f + OPEN]
    floats[f + HIGH] = high if first else max(floats[f + HIGH], high)
    floats[f + LOW] = low if first else min(floats[f + LOW], low)
    floats[f + LAST] = close
    floats[f + MONEY] += (high + low + close) / 3.0 * given.volume[r]
    floats[f + VOLUME] += given.volume[r]
    ints[i + STARTED] = 1 if part & 2 else ints[i + STARTED]
    ints[i + ENDED] = 1 if part & 4 else ints[i + ENDED]


def _tell(state: State, f: int, i: int, at: int, out: list[Floats]) -> None:
    floats, ints = state
    early = ints[i + EARLY] == ints[i + RUNNING]
    out[0][at] = floats[f + OPEN]
    out[1][at] = floats[f + HIGH]
    out[2][at] = floats[f + LOW]
    out[3][at] = floats[f + MONEY] / floats[f + VOLUME] if floats[f + VOLUME] > 0.0 else NAN
    out[4][at] = floats[f + OPEN] - floats[f + PREV_CLOSE]
    out[5][at] = floats[f + PREV_CLOSE]
    out[6][at] = floats[f + PREV_HIGH]
    out[7][at] = floats[f + PREV_LOW]
    out[8][at] = floats[f + EARLY_HIGH] if early else NAN
    out[9][at] = floats[f + EARLY_LOW] if early else NAN


# State of an opening range.
RANGE_FLOATS: Final = 2  # high, low
RANGE_INTS: Final = 1  # its date


def fold_range(
    rows: int, given: Around, state: State, length: int, out: tuple[Floats, Floats]
) -> None:
    """Fold rows into high and low of a session's first ``length`` ns, NaN until they are over."""
    floats, ints = state
    at = 0
    for r in range(rows):
        f, i = given.slot[r] * RANGE_FLOATS, given.slot[r] * RANGE_INTS
        date = given.date[r]
        over = given.opens[r] + length
        if given.bar[r] and given.part[r] & 1 and given.start[r] < over:
            first = ints[i] != date
            ints[i] = date
            floats[f] = given.high[r] if first else max(floats[f], given.high[r])
            floats[f + 1] = given.low[r] if first else min(floats[f + 1], given.low[r])
        if given.clock[r]:
            known = date >= 0 and ints[i] == date and given.end[r] >= over
            out[0][at] = floats[f] if known else NAN
            out[1][at] = floats[f + 1] if known else NAN
            at += 1
