"""A batch through the rules: each alone over all rows; those that hear each other row by row."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.order import coupled
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.turn import NOWHERE, Evaluated, Turn, View


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


class Rounds:
    """Runs rules over the columns of a batch."""

    def __init__(self, running: Sequence[Running], bank: Bank) -> None:
        """``running`` are the rules in the order of their evaluation."""
        self._running = running
        self._bank = bank
        rank = {one.rule.name: at for at, one in enumerate(running)}
        groups = coupled(one.rule for one in running)
        self._groups = [[rank[rule.name] for rule in group] for group in groups]

    def run(self, symbols: list[str], traced: str = "") -> list[Found]:
        """Return what came of all rules, in order; ``symbols`` are the instruments by slot.

        Of the rule ``traced`` every verdict is returned.
        """
        found: list[Found] = []
        for turns in self._turns(symbols):
            alone = len(turns) == 1 and not traced
            found += self._whole(*turns[0]) if alone else self._by_row(turns, traced)
        found.sort(key=itemgetter(0))
        return found

    def _turns(self, symbols: list[str]) -> Iterator[list[tuple[int, Turn, View]]]:
        """Yield what is to be run of rules that hear each other: their ranks, turns and rows."""
        clocks = {turn.clock for running in self._running for turn in running.turns}
        views = {clock: self._view(clock, symbols) for clock in clocks}
        for group in self._groups:
            turns = [
                (rank, turn, view)
                for rank in group
                for turn in self._running[rank].turns
                if (view := views[turn.clock]) is not None
            ]
            if turns:
                yield turns

    def _view(self, clock: Clock, symbols: list[str]) -> View | None:
        desk = self._bank.desk(clock)
        if not desk.slot:
            return None
        at = [order >> 1 for order in desk.order]
        return View(desk.slot, at, desk.ts, desk.values, symbols)

    def _whole(self, rank: int, turn: Turn, view: View) -> Iterator[Found]:
        order = self._bank.desk(turn.clock).order
        for number, found in enumerate(self._running[rank].run(turn, view)):
            row = found.row
            place = Place(order[row], view.ts[row], view.slot[row], rank, number)
            yield Found(place, found, view)

    def _by_row(self, turns: Sequence[tuple[int, Turn, View]], traced: str) -> Iterator[Found]:
        """Run rules that hear each other, or share variables, in the order of rows and ranks."""
        rows = sorted(
            (Place(order, view.ts[row], view.slot[row], rank, number), row)
            for number, (rank, turn, view) in enumerate(turns)
            for row, order in enumerate(self._bank.desk(turn.clock).order)
        )
        number = 0
        for place, row in rows:
            _, turn, view = turns[place.number]
            running = self._running[place.rank]
            trace = row if running.rule.name == traced else NOWHERE
            for found in running.run(turn, view, (row, row + 1), trace):
                number += 1
                yield Found(place._replace(number=number), found, view)
