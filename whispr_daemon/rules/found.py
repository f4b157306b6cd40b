"""What comes of rules over a batch, and its place in the order of outputs."""

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple

from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.drafts import OF_ROW, Drafted
from whispr_daemon.rules.evaluated import Evaluated, View
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.turn import Records, Turn

_LISTED: Final = 100  # rows of columns are listed as fast as a rule looks up its own in arrays


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

    @property
    def order(self) -> list[int]:
        """The order of each row."""
        return self.view.order

    def found(self, evaluated: Evaluated, number: int) -> Found:
        """Return what came of a row with its place."""
        place = Place(evaluated.order, evaluated.ts, evaluated.slot, self.rank, number)
        return Found(place, evaluated, self.view)


class Came(NamedTuple):
    """What came of a job over all its rows, as it was written down."""

    job: Job
    records: Records

    def found(self) -> Iterator[Found]:
        """Yield it one by one, in order of the rows."""
        made = self.job.turn.evaluated(self.records, self.job.view)
        for number, one in enumerate(made):
            yield self.job.found(one, number)


class Verdicts:
    """What came of all rules over some rows.

    Attributes:
        faults: what is said of functions of plug-ins that raised.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.faults: list[tuple[Place, Output]] = []
        self._found: list[Found] = []
        self._came: list[Came] = []

    def add(self, found: Iterable[Found]) -> None:
        """Take in what came of some rules."""
        self._found += found

    def add_all(self, came: Came) -> None:
        """Take in what came of one rule over all its rows."""
        if came.records.size:
            self._came.append(came)

    def __len__(self) -> int:
        """Return how much came."""
        return len(self._found) + sum(one.records.size for one in self._came)

    def drafted(self) -> list[Drafted] | None:
        """Return what is said of it, in order; None where rules heard each other, or failed."""
        if self.faults or self._found:
            return None
        whole: list[Drafted] = []
        views = {id(came.job.view): came.job.view for came in self._came}
        for view in views.values():
            if view.rows < _LISTED * len(self._came):
                view.values.keep_lists(OF_ROW)
        for (rank, running, turn, view), records in self._came:
            whole += running.drafted(turn, rank, records, view)
        whole.sort(key=itemgetter(0))
        return whole

    def __iter__(self) -> Iterator[Found]:
        """Yield it in order."""
        whole = [*self._found, *chain.from_iterable(one.found() for one in self._came)]
        whole.sort(key=itemgetter(0))
        return iter(whole)
