"""Rules of one clock with the indicators and levels that they alone read: folded by one kernel.

Averages and levels are values of a row there, and no columns. As long as there is no kernel, and
where somebody else asks for columns, each is made by itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeIs

from whispr_daemon.rules.column import SLOT
from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.fusing import SeriesShape, fuse
from whispr_daemon.rules.columns.ladders import LadderMaker
from whispr_daemon.rules.columns.maker import Maker
from whispr_daemon.rules.columns.series import SeriesMaker
from whispr_daemon.rules.compile.record import RECORD
from whispr_daemon.rules.evaluated import View
from whispr_daemon.rules.found import Came, Job
from whispr_daemon.rules.jit import Function
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.turn import Records

_MOST: Final = 24_000  # characters of rules: a second of compiling is about two thousand of them
_A_FOLD: Final = 600  # of an indicator or a ladder, in compiling
_LATER: Final = 2  # times the rows until it is compiled: its parts, which many share, come first

Folding: TypeAlias = SeriesMaker | LadderMaker


class Fused:
    """Some rules of one clock, each with a single turn that hears nobody, and what makes columns.

    Attributes:
        ranks: of the rules.
        makers: of columns that nobody else reads.
    """

    def __init__(
        self, desk: Desk, members: Sequence[tuple[int, Running]], makers: Sequence[Folding]
    ) -> None:
        """``members`` are rules with their ranks; ``makers`` stand in the order of the bank."""
        self.ranks: Final = frozenset(rank for rank, _ in members)
        self.makers: Final[frozenset[Maker]] = frozenset(makers)
        self._desk, self._members = desk, members
        self._series = [one for one in makers if isinstance(one, SeriesMaker)]
        self._ladders = [one for one in makers if isinstance(one, LadderMaker)]
        programs = [running.turns[0].program for _, running in members]
        self._program = fuse(
            programs,
            [SeriesShape(one.key, one.source, one.step) for one in self._series],
            [one.key for one in self._ladders],
        )
        self._widths = [(one.room, one.width) for one in programs]

    @property
    def kernel(self) -> Function | None:
        """What folds the rows of the desk, if it is there and they are enough for it."""
        return self._desk.compiler.compiled(self._program.recipe, self._desk.count // _LATER)

    def fold(self, kernel: Function) -> Iterator[Came]:
        """Fold the frame of the desk; yield what came of each rule."""
        desk, frame = self._desk, self._desk.frame
        if frame is None:
            return
        view = View(desk.count, desk.values, desk.places.symbols)
        of_frame = bool(self._ladders)
        slot = np.ascontiguousarray(frame.slot) if of_frame else desk.values.array(SLOT)
        given = (
            slot,
            desk.values.arrays(self._program.columns),
            tuple(one.given(frame) for one in self._ladders),
            tuple(one.held() for one in self._series),
            tuple(
                (*running.arrays(running.turns[0], view), *room)
                for (_, running), room in zip(self._members, self._rooms, strict=True)
            ),
        )
        parts: list[list[Records]] = [[] for _ in self._members]
        row, at, rows = 0, 0, len(frame.slot) if of_frame else desk.count
        while row < rows:
            row, at, *sizes = kernel(row, at, rows, *given)
            for number, size in enumerate(sizes):
                if size:
                    parts[number].append(self._taken(number, size))
        for (rank, running), written in zip(self._members, parts, strict=True):
            if written:
                turn = running.turns[0]
                yield Came(Job(rank, running, turn, view), Records.joined(written))

    @cached_property
    def _rooms(self) -> Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Where each rule writes its records: made when there is a kernel."""
        return [
            (np.empty(room * RECORD, dtype=np.int64), np.empty(room * width))
            for room, width in self._widths
        ]

    def _taken(self, number: int, size: int) -> Records:
        (ints, floats), (_, width) = self._rooms[number], self._widths[number]
        return Records(size, ints[: size * RECORD].copy(), floats[: size * width].copy())


def fusible(running: Sequence[Running], ranks: Iterable[int], bank: Bank) -> list[Fused]:
    """Return what may be folded together of rules of a single turn that hear nobody else."""
    found: dict[Desk, list[tuple[int, Running]]] = {}
    for rank in ranks:
        turn = running[rank].turns[0]
        desk = bank.desk(turn.clock)
        if not (turn.program.heard or desk.on_ticks or turn.clock.forming):
            found.setdefault(desk, []).append((rank, running[rank]))
    length = {
        desk: sum(len(one.turns[0].program.recipe.text) for _, one in members)
        for desk, members in found.items()
    }
    found = {desk: members for desk, members in found.items() if length[desk] <= _MOST}
    if not found:
        return []
    together = {rank for members in found.values() for rank, _ in members}
    others = [one for rank, one in enumerate(running) if rank not in together]
    readers = _Readers(others, bank)
    fused: list[Fused] = []
    for desk, members in found.items():
        makers = readers.left_to(desk)
        if makers and length[desk] + _A_FOLD * len(makers) <= _MOST:
            fused.append(Fused(desk, members, makers))
    return fused


class _Readers:
    """Who reads which columns, of rules that are not fused and of what makes columns."""

    def __init__(self, others: Sequence[Running], bank: Bank) -> None:
        self._makers = list(bank.makers.values())
        self._by_rules: dict[Desk, set[str]] = {}
        for turn in (turn for one in others for turn in one.turns):
            read = self._by_rules.setdefault(bank.desk(turn.clock), set())
            read.update(column.key for column in turn.program.columns)
        self._by_makers: dict[Desk, list[tuple[Maker, str]]] = {}
        for maker in self._makers:
            for desk, column in maker.reads:
                self._by_makers.setdefault(desk, []).append((maker, column.key))

    def left_to(self, desk: Desk) -> Sequence[Folding]:
        """Return who makes columns that rules of a desk read, and who is returned: no others."""
        made = (one for one in self._makers if one.desk is desk)
        theirs = {one.key: one for one in made if _is_pure(one)}
        while True:  # until nobody is left of whom somebody else reads
            read = set(self._by_rules.get(desk, ()))
            for reader, key in self._by_makers.get(desk, ()):
                if theirs.get(reader.key) is not reader:
                    read.add(key)
            kept = {
                key: one
                for key, one in theirs.items()
                if key not in read and _pair_is_in(one, theirs)
            }
            if len(kept) == len(theirs):
                return list(kept.values())
            theirs = kept


def _is_pure(maker: Maker) -> TypeIs[Folding]:
    return isinstance(maker, SeriesMaker | LadderMaker) and maker.pure


def _pair_is_in(maker: Folding, theirs: Mapping[str, Folding]) -> bool:
    """Is who is folded beside it one of them, too, if there is one?"""
    if not isinstance(maker, SeriesMaker) or maker.partner is None:
        return True
    return theirs.get(maker.partner.key) is maker.partner
