"""Rules that hear each other, one after the other, each over all rows of a batch.

Who says comes before who hears. What the one has said is put on the board of the other at its
moment: before the first row that hears it, after the last that does not.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from whispr_daemon.rules.actions import Action, Emit
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.column import DATE, DAY
from whispr_daemon.rules.compile.record import Verdict
from whispr_daemon.rules.compile.said import say
from whispr_daemon.rules.evaluated import Evaluated
from whispr_daemon.rules.found import Found, Job, Place
from whispr_daemon.rules.order import asks
from whispr_daemon.rules.rule import Rule


class Word(NamedTuple):
    """A signal that was said. Words are ordered as they were spoken."""

    place: Place
    nth: int  # of what was said there
    signal: str
    at: int  # of its entry, in the row of its slot on the board
    capacity: int
    date: int
    day: int


class Hearing:
    """Folds rules that hear each other, but not in a circle."""

    def __init__(self, board: Board) -> None:
        """``board`` is what they hear each other by."""
        self._board = board
        self._asks: dict[str, frozenset[str]] = {}  # by rule

    def fold(self, jobs: Sequence[Job]) -> Iterator[Found]:
        """Fold a job a rule, those who say before those who hear; yield what came of each.

        The board has heard everything when all is consumed.
        """
        table = self._board.table
        table.reserve(max(len(job.view.symbols) for job in jobs))
        slots = sorted({slot for job in jobs for slot in job.view.slot})
        before = dict(zip(slots, table.ints[slots], strict=True))
        words: list[Word] = []
        for job in jobs:
            asked = self._asked(job.running.rule)
            heard = sorted(word for word in words if word.signal in asked)
            found = self._folded(job, heard)
            yield from found
            own = [word for one in found for word in self._words(job, one)]
            for slot in {word.place.slot for word in (*heard, *own)}:
                table.ints[slot] = before[slot]  # the next one hears it in its own time
            words += own
        self._put(sorted(words))

    def _asked(self, rule: Rule) -> frozenset[str]:
        found = self._asks.get(rule.name)
        if found is None:
            found = self._asks[rule.name] = asks(rule)
        return found

    def _folded(self, job: Job, heard: Sequence[Word]) -> list[Found]:
        rows = job.view.rows
        run = job.running.over(job.turn, job.view, rows // (len(heard) + 1))
        found: list[Evaluated] = []
        begin = 0
        for word in heard:
            end = _first_to_hear(word.place, job, begin)
            if end > begin:
                found += run.fold(begin, end)
                begin = end
            self._put([word])
        found += run.fold(begin, rows)
        return [job.found(one, number) for number, one in enumerate(found)]

    def _put(self, words: Iterable[Word]) -> None:
        width, flat = self._board.width, self._board.table.state(0).ints
        for word in words:
            place = word.place
            entry = place.slot * width + word.at
            say(flat, entry, word.capacity, place.ts, word.date, word.day)

    def _words(self, job: Job, found: Found) -> Iterator[Word]:
        """Yield what a rule said with what came of it."""
        rule, one, values = job.running.rule, found.evaluated, job.view.values
        for nth, action in enumerate(_done(job, one)):
            if isinstance(action, Emit) and action.name in self._board.asked:
                shadow = "shadow" in (rule.mode, rule.clauses[one.clause].mode)
                at, capacity = self._board.place(action.name, rule.name if shadow else "")
                date, day = values[DATE][one.row], values[DAY][one.row]
                yield Word(found.place, nth, action.name, at, capacity, date, day)


def _done(job: Job, one: Evaluated) -> tuple[Action, ...]:
    """Return the actions of what came of a row."""
    match one.verdict:
        case Verdict.FIRED:
            return job.running.rule.clauses[one.clause].actions
        case Verdict.TIMEOUT:
            return job.running.rule.clauses[one.clause].on_timeout
        case _:
            return ()


def _first_to_hear(said: Place, job: Job, begin: int) -> int:
    """Return the first row from ``begin`` on that comes after a place."""
    order, ts = job.order, job.view.ts
    row = bisect_left(order, said.order, begin)
    while row < len(order) and (order[row], ts[row], job.rank) < (said.order, said.ts, said.rank):
        row += 1
    return row
