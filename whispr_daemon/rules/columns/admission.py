"""Which bars a clock has not evaluated yet: each instrument's in order, each once."""

from typing import Final, NamedTuple

from whispr_daemon.rules.functions.folds import Ints, State

# State of a slot.
LAST_TS: Final = 0  # end of the last bar evaluated
LAST_DATE: Final = 1  # its session
SEEN: Final = 2  # bars evaluated
CLOCK_INTS: Final = 3


class Arrivals(NamedTuple):
    """Rows before it is known whether they are new."""

    slot: Ints
    ts: Ints
    date: Ints
    wanted: Ints  # 0: not of the clock's timeframe, or outside its session


class Admission(NamedTuple):
    """The verdict on each row."""

    fresh: Ints  # 1: evaluate it
    lapse: Ints
    bars: Ints


def admit(rows: int, given: Arrivals, state: State, out: Admission) -> None:
    """Let bars through that are later than the instrument's last; late ones and repeats are not."""
    ints = state.ints
    for r in range(rows):
        if not given.wanted[r]:
            continue
        i = given.slot[r] * CLOCK_INTS
        ts = given.ts[r]
        if ints[i + SEEN] > 0 and ts <= ints[i + LAST_TS]:
            continue
        if ints[i + LAST_DATE] == given.date[r]:
            out.lapse[r] = ts - ints[i + LAST_TS]
        ints[i + LAST_TS] = ts
        ints[i + LAST_DATE] = given.date[r]
        ints[i + SEEN] += 1
        out.bars[r] = ints[i + SEEN]
        out.fresh[r] = 1
