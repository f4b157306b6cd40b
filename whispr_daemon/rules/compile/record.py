"""What a step function writes down of a clause at a row, and the codes in it."""

from enum import IntEnum
from typing import Final


class Verdict(IntEnum):
    """What came of a clause at a row.

    FIRED and what stopped a fire are always written down, as are errors, timeouts and gaps; the
    others only of a row that is traced.
    """

    FIRED = 0
    # What stopped what would have fired, in the order of the filters.
    GAP = 1  # the event is (not) a gap
    WHEN = 2  # the gate of the rule is shut
    SPLIT = 3  # prices are in new terms since this bar
    REARM = 4  # not armed again since the last fire
    ONCE = 5
    MAX_FIRES = 6
    COOLDOWN = 7
    # What is no fire at all.
    FALSE = 8
    NA = 9
    GATED = 10  # ``when`` is not true, and without it there would be no edge either
    PENDING = 11  # ``for`` is not over
    NO_EDGE = 12  # it was true before, or has not been seen false yet
    WARMING = 13
    OFF = 14  # disabled by its errors
    # What happens beside.
    TIMEOUT = 15  # a sequence took longer than ``within``
    ERROR = 16  # the first of a row of divisions by zero or overflows
    DISABLED = 17  # the last of that row that is let pass
    DATA_GAP = 18  # of the rule: no clause


LAST_STOPPED: Final = Verdict.COOLDOWN
SUPPRESSED: Final = frozenset(map(Verdict, range(Verdict.GAP, LAST_STOPPED + 1)))

# Ints of a record: row, clause, verdict, direction, gap, code (of an error: which; of a sequence:
# steps done).
RECORD: Final = 6
PER_CLAUSE: Final = 3  # records of a clause at a row, at the most: verdict, timeout, error
FAULTS: Final = 10  # evaluations in a row with an error that disable a clause
BY_ZERO: Final = 1
OVERFLOW: Final = 2
DOMAIN: Final = 3  # a function of what it is not defined for, as the root of -1
PLUGGED: Final = 4  # a plug-in's function raised
