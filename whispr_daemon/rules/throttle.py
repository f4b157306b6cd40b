"""How many alerts a rule may say: more than 15 in 3 minutes become one, until it calms."""

from typing import Final, Literal, TypeAlias

from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.columns.table import Table

MOST: Final = 15
WINDOW: Final = 3 * MINUTE  # event time
CALM: Final = 7  # in a window: once it was too many, only so few are let pass again

_COUNT: Final = 0  # of alerts so far, held back or not
_HELD: Final = 1  # 1: they are held back
_RING: Final = 2  # when the last MOST of them were

Word: TypeAlias = Literal["say", "digest", "hold"]


class Throttle:
    """Counts the alerts of one rule by event time. ``table`` is its state, in slot 0."""

    def __init__(self) -> None:
        """Start calm."""
        self.table = Table(0, _RING + MOST)
        self.table.reserve(1)

    def ask(self, ts: int) -> Word:
        """Return what to do with an alert at ``ts`` (ns UTC): the first too many is a digest."""
        ints = self.table.state(1).ints
        count = ints[_COUNT]
        held = ints[_HELD]
        most = CALM if held else MOST
        crowded = count >= most and ts - ints[_RING + (count - most) % MOST] < WINDOW
        ints[_RING + count % MOST] = ts
        ints[_COUNT] = count + 1
        ints[_HELD] = int(crowded)
        if not crowded:
            return "say"
        return "hold" if held else "digest"

    def clear(self) -> None:
        """Start again, calm."""
        self.table.clear()
