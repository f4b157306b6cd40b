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
    REARM = 3  # not armed again since the last fire
    ONCE = 4
    MAX_FIRES = 5
    COOLDOWN = 6
    # What is no fire at all.
    FALSE = 7
    NA = 8
    GATED = 9  # ``when`` is not true, and without it there would be no edge either
    PENDING = 10  # ``for`` is not over
    NO_EDGE = 11  # it was true before, or has not been seen false yet
    WARMING = 12
    OFF = 13  # disabled by its errors
    # What happens beside.
    TIMEOUT = 14  # a sequence took longer than ``within``
    ERROR = 15  # the first of a row of divisions by zero or overflows
    DISABLED = 16  # the last of that row that is let pass
    DATA_GAP = 17  # of the rule: no clause


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
