"""Which bars a clock has not evaluated yet: each instrument's in order, each once."""

from typing import Final, NamedTuple

from whispr_daemon.rules.functions.folds import Ints, State

# State of a slot.
LAST_TS: Final = 0  # end of the last bar evaluated
LAST_DATE: Final = 1  # its session
SEEN: Final = 2  # bars evaluated
AROUND_TS: Final = 3  # end of the last bar outside the session
CLOCK_INTS: Final = 4

# What becomes of a row.
NOTHING: Final = 0
EVALUATE: Final = 1
LOOK: Final = 2  # it is outside the session
PEEK: Final = 3  # it is not complete yet


class Arrivals(NamedTuple):
    """Rows before it is known whether they are new."""

    slot: Ints
    ts: Ints
    date: Ints
    wanted: Ints  # NOTHING, EVALUATE, LOOK or PEEK, if it is new


class Admission(NamedTuple):
    """The verdict on each row."""

    fresh: Ints  # 1: it is new
    lapse: Ints
    bars: Ints


def admit(rows: int, given: Arrivals, state: State, out: Admission) -> None:
    """Let bars through that are later than the instrument's last; late ones and repeats are not."""
    ints = state.ints
    for r in range(rows):
        if given.wanted[r] == NOTHING:
            continue
        i = given.slot[r] * CLOCK_INTS
        ts = given.ts[r]
        if given.wanted[r] == LOOK:
            if ts > ints[i + AROUND_TS]:
                ints[i + AROUND_TS] = ts
                out.fresh[r] = 1
            continue
        if given.wanted[r] == PEEK:
            out.bars[r] = ints[i + SEEN] + 1
            out.fresh[r] = 1
            continue
        if ints[i + SEEN] > 0 and ts <= ints[i + LAST_TS]:
            continue
        if ints[i + LAST_DATE] == given.date[r]:
            out.lapse[r] = ts - ints[i + LAST_TS]
        ints[i + LAST_TS] = ts
        ints[i + LAST_DATE] = given.date[r]
        ints[i + SEEN] += 1
        out.bars[r] = ints[i + SEEN]
        out.fresh[r] = 1
