"""What comes of rules over a batch, and its place in the order of outputs."""

from typing import NamedTuple

from whispr_daemon.rules.evaluated import Evaluated, View
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.turn import Turn


class Place(NamedTuple):
    """What outputs are ordered by."""

    order: int  # of the row; see columns.frames.Frame
    ts: int
    slot: int
    rank: int  # of the rule
    number: int  # of what came of it


class Found(NamedTuple):
    """What came of a rule at a row."""

    place: Place
    evaluated: Evaluated
    view: View


class Job(NamedTuple):
    """A turn of a rule and the rows it is to fold."""

    rank: int  # of the rule
    running: Running
    turn: Turn
    view: View
    order: list[int]  # of each row; see columns.frames.Frame

    def found(self, evaluated: Evaluated, number: int) -> Found:
        """Return what came of a row with its place."""
        row = evaluated.row
        place = Place(self.order[row], evaluated.ts, evaluated.slot, self.rank, number)
        return Found(place, evaluated, self.view)
