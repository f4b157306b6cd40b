"""A batch through the rules: each over all its rows, in an order in which they hear each other."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from whispr_daemon.rules.alike import LEAST, Alike
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.evaluated import View
from whispr_daemon.rules.found import Came, Found, Job, Verdicts
from whispr_daemon.rules.fused import Fused, fusible
from whispr_daemon.rules.hearing import Hearing
from whispr_daemon.rules.jit import Function, Recipe
from whispr_daemon.rules.order import coupled, sayers_first
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.sheet import Sheet
from whispr_daemon.rules.turn import NOWHERE

_NO_KERNELS: Final[Mapping[Fused, Function]] = MappingProxyType({})


class _Group(NamedTuple):
    """Rules that hear each other: their ranks, and if they may be folded one after the other."""

    ranks: list[int]
    apart: bool


class Rounds:
    """Runs rules over the columns of a batch."""

    def __init__(self, running: Sequence[Running], bank: Bank, board: Board) -> None:
        """``running`` are the rules in the order of their evaluation."""
        self._running = running
        self._bank = bank
        self._clocks = tuple({turn.clock: None for one in running for turn in one.turns})
        rules = [one.rule for one in running]
        self._hearing = Hearing(board)
        rank = {rule.name: at for at, rule in enumerate(rules)}
        groups: list[_Group] = []
        for group in coupled(rules):
            ordered = sayers_first(group)
            ranks = [rank[rule.name] for rule in ordered or group]
            single = all(len(running[each].turns) == 1 for each in ranks)
            groups.append(_Group(ranks, ordered is not None and single))
        self._alike: list[Alike] = []
        together: set[int] = set()
        self._sheets = {clock: Sheet() for clock in self._clocks}
        for clock, ranks in self._of_a_shape(groups):
            if len(ranks) >= LEAST:
                members = [(each, running[each]) for each in ranks]
                self._alike.append(Alike(members, board, self._sheets[clock]))
                together.update(ranks)
        self._groups = [group for group in groups if together.isdisjoint(group.ranks)]
        alone = (ranks[0] for ranks, apart in self._groups if apart and len(ranks) == 1)
        self._fused = fusible(running, alone, bank)
        self._single = [group for group in groups if not together.isdisjoint(group.ranks)]

    def kernels(self) -> Mapping[Fused, Function]:
        """Return the kernels of rules with what they read, of those that are there.

        The bank has taken the rows; who runs with them lets it fill columns without their makers.
        """
        found = ((fused, fused.kernel) for fused in self._fused)
        return {fused: kernel for fused, kernel in found if kernel is not None}

    def run(
        self, symbols: list[str], traced: str = "", kernels: Mapping[Fused, Function] = _NO_KERNELS
    ) -> Verdicts:
        """Return what came of all rules; ``symbols`` are the instruments by slot.

        Of the rule ``traced`` every verdict is returned. ``kernels`` are some of :meth:`kernels`.
        """
        views = {clock: self._view(clock, symbols) for clock in self._clocks}
        found = Verdicts()
        for came in self._together(views, kernels, traced):
            found.add_all(came)
        done = frozenset(rank for fused in kernels for rank in fused.ranks)
        for ranks, apart in (*self._groups, *self._single) if traced else self._groups:
            jobs = [job for rank in ranks if rank not in done for job in self._jobs(rank, views)]
            if not jobs:
                continue
            if traced or not (apart or len(jobs) == 1):
                found.add(_by_row(jobs, traced))
            elif len(jobs) == 1:
                found.add_all(_whole(jobs[0]))
            else:
                found.add(self._hearing.fold(jobs))
        return found

    def _together(
        self, views: dict[Clock, View | None], kernels: Mapping[Fused, Function], traced: str
    ) -> Iterator[Came]:
        """Yield what came of rules that are folded by one kernel."""
        for fused, kernel in kernels.items():
            yield from fused.fold(kernel)
        for alike in () if traced else self._alike:
            view = views[alike.clock]
            yield from () if view is None else alike.fold(view)
        for sheet in self._sheets.values():
            sheet.forget()

    def _of_a_shape(self, groups: Sequence[_Group]) -> Iterator[tuple[Clock, list[int]]]:
        """Yield the ranks of rules of a single turn that hear nobody, by clock and function."""
        found: dict[tuple[Clock, Recipe], list[int]] = {}
        for ranks, _ in groups:
            turns = self._running[ranks[0]].turns
            if len(ranks) == len(turns) == 1:
                found.setdefault((turns[0].clock, turns[0].program.recipe), []).append(ranks[0])
        for (clock, _), members in found.items():
            yield clock, members

    def _jobs(self, rank: int, views: dict[Clock, View | None]) -> Iterator[Job]:
        running = self._running[rank]
        for turn in running.turns:
            view = views[turn.clock]
            if view is not None and running.looks_at(view):
                yield Job(rank, running, turn, view)

    def _view(self, clock: Clock, symbols: list[str]) -> View | None:
        desk = self._bank.desk(clock)
        return View(desk.count, desk.values, symbols) if desk.count else None


def _whole(job: Job) -> Came:
    rows = job.view.rows
    return Came(job, job.running.over(job.turn, job.view, rows).records(0, rows))


def _by_row(jobs: Sequence[Job], traced: str) -> Iterator[Found]:
    """Fold rules that hear each other in a circle, or share variables, in the order of rows."""
    runs = [job.running.over(job.turn, job.view, 1) for job in jobs]
    number = 0
    for row, at in _steps(jobs):
        job = jobs[at]
        trace = row if job.running.rule.name == traced else NOWHERE
        for one in runs[at].fold(row, row + 1, trace):
            number += 1
            yield job.found(one, number)


def _steps(jobs: Sequence[Job]) -> Iterator[tuple[int, int]]:
    """Yield the rows of jobs, each with the number of its job, in order of time and rank."""
    sharing: dict[int, list[int]] = {}  # jobs over the same rows
    for at in sorted(range(len(jobs)), key=lambda at: jobs[at].rank):
        sharing.setdefault(id(jobs[at].view), []).append(at)
    rows = sorted(
        (order, job.view.ts[row], job.view.slot[row], row, first)
        for first, *_ in sharing.values()
        for job in [jobs[first]]
        for row, order in enumerate(job.order)
    )
    members = {numbers[0]: numbers for numbers in sharing.values()}
    for _, together in groupby(rows, key=itemgetter(0, 1, 2)):
        places = [(row, at) for *_, row, first in together for at in members[first]]
        if len(places) > len(members[places[0][1]]):
            places.sort(key=lambda place: (jobs[place[1]].rank, place[1], place[0]))
        yield from places
