"""Frames of rows that need nothing made of them: bars of the clock itself, and daily ones between.

That is most of every history, and most of what comes live. One loop over the rows as they lie in
memory does what ``Framer`` does in many steps over columns: quicker where it is compiled, or where
rows are few.
"""

from typing import Any, Final, NamedTuple, TypeAlias

from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import DAILY, HOUR
from whispr_daemon.rules.columns.admission import AROUND_TS, CLOCK_INTS, LAST_DATE, LAST_TS, SEEN
from whispr_daemon.rules.columns.location import CLOSES, OPENS, WITHIN
from whispr_daemon.rules.columns.making import DONE, END, EVER, NATIVE, NEXT_END
from whispr_daemon.rules.columns.making import INTS as MAKING_INTS
from whispr_daemon.rules.functions.folds import Floats, Ints

# A row as eight-byte words: ts, what it is, open, high, low, close, volume.
WORDS: Final = 7
_CLOSE: Final = 5
_KIND: Final = 32  # the bit of the second word at which it begins, as the next
_TIMEFRAME: Final = 48
_BAR: Final = int(Kind.BAR)
_TRADE: Final = int(Kind.TRADE)
_TICK: Final = int(Kind.CLOCK)
_DAY_CODE: Final = int(DAILY)
_BACK: Final = 12 * HOUR  # from the end of a daily bar to noon of its day

Bools: TypeAlias = Any  # a flat array of truths


class Given(NamedTuple):
    """Rows, the slot of each, and the lengths of bars by code (ns)."""

    words: Ints
    prices: Floats  # the same words as floats
    slot: Ints
    lengths: Ints


class Calendar(NamedTuple):
    """Sessions in order, ns UTC, and when each day begins."""

    open: Ints
    close: Ints
    date: Ints
    midnights: Ints


class Standings(NamedTuple):
    """Where instruments stand in the making of the clock's bars, and in the clock."""

    making: Ints
    clock: Ints


class How(NamedTuple):
    """The clock's timeframe, its length in ns, how many slots there are, and what is kept."""

    code: int
    length: int
    slots: int
    around: bool


class Framed(NamedTuple):
    """A frame's columns, in its order; all others follow from these."""

    row: Ints  # the place of each among the rows
    slot: Ints
    number: Ints  # of the session, -1 outside of all
    date: Ints
    before: Ints
    part: Ints
    daily: Bools
    bar: Bools
    clock: Bools


class Evaluations(NamedTuple):
    """Columns of the evaluated rows alone."""

    place: Ints  # in the frame
    slot: Ints
    date: Ints
    lapse: Ints
    bars: Ints
    close: Floats


def is_plain(rows: int, given: Given, making: Ints, how: How) -> bool:
    """Is there nothing to make bars of, and none in the making that these rows could end?"""
    ticks = False
    for r in range(rows):
        what, i = given.words[r * WORDS + 1], given.slot[r] * MAKING_INTS
        kind, code = (what >> _KIND) & 255, what >> _TIMEFRAME
        finer = kind == _TRADE
        if kind == _TICK:
            ticks = True
        elif kind == _BAR and code == how.code:
            if waits(making, i):
                return False
        elif kind == _BAR:
            length = given.lengths[code]
            finer = length < how.length and how.length % max(length, 1) == 0
        if finer and making[i + NATIVE] == 0:
            return False
    if ticks:  # which end whatever is over
        for s in range(how.slots):
            if waits(making, s * MAKING_INTS):
                return False
    return True


def waits(making: Ints, i: int) -> bool:
    """Is a bar in the making?"""
    return bool(making[i + END] != 0 or making[i + NEXT_END] != 0)


def last_up_to(sorted_: Ints, size: int, value: int) -> int:
    """Return the place of the last that is not more than a value, -1 if there is none."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if sorted_[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low - 1


def session_of(sessions: Calendar, start: int, near: int) -> int:
    """Return the session in which a bar starts, -1 if there is none; look at one first."""
    if sessions.open[near] <= start < sessions.close[near]:
        return near
    found = last_up_to(sessions.open, len(sessions.open), start)
    return found if found >= 0 and start < sessions.close[found] else -1


def session_on(sessions: Calendar, end: int) -> int:
    """Return the session of a daily bar by its end, -1 if there is none."""
    day = last_up_to(sessions.midnights, len(sessions.midnights), end - _BACK)
    found = last_up_to(sessions.date, len(sessions.date), day)
    return found if found >= 0 and sessions.date[found] == day else -1


def arrives(state: Standings, slot: int, ts: int, session: tuple[int, int], how: How) -> int:
    """Take in a bar of the clock; return the ns since the last of its session, -1: nobody wants it.

    ``session`` is its number, -1 outside of all, and its date.
    """
    making, clock = state
    number, date = session
    i, c = slot * MAKING_INTS, slot * CLOCK_INTS
    making[i + NATIVE] = 1
    making[i + EVER] = max(making[i + EVER], ts)
    if number < 0:
        if not how.around or ts <= clock[c + AROUND_TS]:
            return -1
        clock[c + AROUND_TS] = ts
        return 0
    if ts <= making[i + DONE]:
        return -1
    making[i + DONE] = ts
    if clock[c + SEEN] > 0 and ts <= clock[c + LAST_TS]:
        return -1
    lapse = ts - clock[c + LAST_TS] if clock[c + LAST_DATE] == date else 0
    clock[c + LAST_TS] = ts
    clock[c + LAST_DATE] = date
    clock[c + SEEN] += 1
    return int(lapse)


def locate_in(sessions: Calendar, number: int, start: int, end: int, out: Framed, n: int) -> None:
    """Write where a bar stands, as :func:`locate` does."""
    out.number[n] = number
    out.before[n] = sessions.date[number - 1] if number >= 1 else -1
    if number < 0:
        out.date[n] = -1
        out.part[n] = 0
        return
    out.date[n] = sessions.date[number]
    opens, closes = start == sessions.open[number], end >= sessions.close[number]
    out.part[n] = WITHIN + (OPENS if opens else 0) + (CLOSES if closes else 0)


def frame_plainly(
    rows: int,
    given: Given,
    sessions: Calendar,
    state: Standings,
    how: How,
    out: tuple[Framed, Evaluations],
) -> tuple[int, int]:
    """Write the frame of some rows; return its rows, and how many of them are evaluated.

    The first is -1, and nothing is changed, where bars are to be made of rows.
    """
    if not is_plain(rows, given, state.making, how):
        return -1, 0
    (framed, evaluated), words = out, given.words
    near, n, m = 0, 0, 0
    for r in range(rows):
        what, ts, slot = words[r * WORDS + 1], words[r * WORDS], given.slot[r]
        mine = what >> _TIMEFRAME == how.code
        if (what >> _KIND) & 255 != _BAR or not (mine or what >> _TIMEFRAME == _DAY_CODE):
            continue
        lapse, start, session = 0, ts - how.length, (-1, -1)
        if mine:
            number = session_of(sessions, start, near)
            near = max(number, 0)
            session = number, sessions.date[near]
            lapse = arrives(state, slot, ts, session, how)
        else:
            number = session_on(sessions, ts)
            start = sessions.open[max(number, 0)]
        if lapse < 0 or (number < 0 and not mine):
            continue
        inside = mine and number >= 0
        framed.row[n], framed.slot[n] = r, slot
        framed.daily[n], framed.bar[n], framed.clock[n] = not mine, mine, inside
        locate_in(sessions, number, start, ts, framed, n)
        if inside:
            evaluated.place[m], evaluated.slot[m], evaluated.date[m] = n, slot, session[1]
            evaluated.lapse[m], evaluated.bars[m] = lapse, state.clock[slot * CLOCK_INTS + SEEN]
            evaluated.close[m] = given.prices[r * WORDS + _CLOSE]
            m += 1
        n += 1
    return n, m
