"""One rule at work: its clauses in turns of one clock each, its state, and what it says."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.column import Need
from whispr_daemon.rules.columns.saved import join
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.drafts import Drafted, Drafts
from whispr_daemon.rules.evaluated import Evaluated, View
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.rule import Evaluate, Rule
from whispr_daemon.rules.saying import Saying
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.source import StateBlock
from whispr_daemon.rules.turn import Asked, Pass, Records, Turn
from whispr_daemon.rules.wants import Wants

STALE_BARS: Final = 3  # timeframes without a bar after which a condition is unknown
_FEW: Final = 8  # rows, whose instruments are looked up in less time than a rule is called
_EVALUATIONS: Final[tuple[Evaluate, ...]] = ("bar_close", "tick")


class Running:
    """A rule at work.

    Its turns are run batch by batch; the verdicts that come of them are handed to :meth:`say` in
    the order of the rows.
    """

    def __init__(
        self,
        rule: Rule,
        settings: RuleSettings,
        board: Board,
        compiler: Compiler = UNCOMPILED,
        wants: Wants | None = None,
    ) -> None:
        """Compile the rule; it starts unarmed. ``board`` was made with this rule among others.

        ``wants`` is where all of them have their symbols.
        """
        inputs = rule.inputs
        self.rule = rule
        self._home = settings.home
        self.symbols = inputs.symbols or settings.watchlist or ("*",)
        self.require = inputs.require or settings.require
        self.variables = Table(2 * len(rule.variables), 0)
        self.turns = [
            Turn(rule, numbers, settings, board, compiler)
            for evaluate in _EVALUATIONS
            if (numbers := [n for n, one in enumerate(rule.clauses) if one.evaluate == evaluate])
        ]
        length = NANOS_OF[CODE_OF[inputs.timeframe]]  # from one bar to the next is no gap
        stale = max(inputs.stale_after or STALE_BARS * length, length)
        self._saying = Saying(rule)
        self._drafts: dict[Turn, Drafts] = {}
        self.listed = wants or Wants(settings.home)
        self.wanted = self.listed.number(self.symbols)
        self._asked = {turn: self._of(turn, stale) for turn in self.turns}

    def wants(self, symbol: str) -> bool:
        """Is the rule about this instrument?"""
        return ("*" in self.symbols or symbol in self.symbols) and self._home(symbol)

    def reads(self, turn: Turn) -> Iterator[Node]:
        """Yield every expression of a turn."""
        for part in turn.program.parts:
            yield from part.trees

    def lacking(self, turn: Turn) -> Iterator[tuple[Need, int]]:
        """Yield what must be counted before the clauses of a turn may fire, and how far."""
        return ((need, need.least(self.require)) for need in turn.program.needs)

    # ------------------------------------------------------------------ the fold
    def looks_at(self, view: View) -> bool:
        """Whether something may come of a view: of many rows it is not worth to ask."""
        if view.rows > _FEW:
            return True
        self.listed.meet(view.symbols)
        return self.listed.any_of(self.wanted, view.slot)

    def over(self, turn: Turn, view: View, rows: int) -> Pass:
        """Return what folds the rows of a view, about so many at a time."""
        self.listed.meet(view.symbols)
        return turn.over(view, self._asked[turn], rows)

    def arrays(self, turn: Turn, view: View) -> tuple[NDArray[Any], ...]:
        """Return F, I, V, B, P, Q, N and ``want`` of a turn, as kernels take them."""
        self.listed.meet(view.symbols)
        return turn.arrays(view, self._asked[turn])

    def as_written(self, turn: Turn, view: View) -> Pass:
        """Return the same, not compiled."""
        self.listed.meet(view.symbols)
        return turn.as_written(view, self._asked[turn])

    def least(self, turn: Turn) -> NDArray[np.int64]:
        """Return what is asked of a turn: the longest lapse in ns, then the count of each need."""
        return self._asked[turn].least_array

    def _of(self, turn: Turn, stale: int) -> Asked:
        """Return what is asked of a turn; a lapse of ``stale`` ns makes unknown what was seen."""
        least = (stale, *(least for _, least in self.lacking(turn)))
        array = np.array(least, dtype=np.int64)
        return Asked(self.listed, self.wanted, self.variables, least, array)

    def say(self, found: Evaluated, view: View) -> Sequence[Output]:
        """Return the outputs of what came of a turn; call it in order, as alerts are counted."""
        return self._saying.say(found, view)

    def drafted(self, turn: Turn, rank: int, records: Records, view: View) -> Sequence[Drafted]:
        """Return the outputs of records, written down where they are of a usual kind.

        Call it in order, as alerts are counted. ``rank`` is that of the rule.
        """
        drafts = self._drafts.get(turn)
        if drafts is None:
            drafts = self._drafts[turn] = Drafts(self.rule, turn, self._saying)
        return drafts.of(rank, records, view)

    # ------------------------------------------------------------------ state
    def states(self) -> Iterator[tuple[str, Table, StateBlock]]:
        """Yield all state a slot: each part with the key under which it is saved."""
        name = self.rule.name
        for turn in self.turns:
            for part, block in zip(turn.program.parts, turn.program.blocks, strict=True):
                yield join(name, part.clause.id, part.clause.digest), turn.table, block
        for at, held in enumerate(self.rule.variables):
            block = StateBlock(slice(2 * at, 2 * at + 2), slice(0, 0))
            key = join(name, "vars", held.name, repr(held.init), held.reset)
            yield key, self.variables, block

    def alone(self) -> Iterator[tuple[str, Table]]:
        """Yield the state there is once, in slot 0, with the key under which it is saved."""
        yield join(self.rule.name, "alerts"), self._saying.throttle.table

    def rearm(self, turn: Turn, first: Mapping[int, int]) -> None:
        """Forget what was seen of some instruments at prices that are no more; counts live on.

        ``first`` has the count of bars of each slot at which nothing may fire yet.
        """
        slots = list(first)
        turn.table.reserve(max(slots, default=-1) + 1)
        for block in turn.program.blocks:
            turn.table.floats[slots, block.floats] = np.nan
            turn.table.ints[np.ix_(slots, block.armed)] = 0
            turn.table.ints[slots, block.muted] = list(first.values())

    def forget(self) -> None:
        """Start again, unarmed."""
        for turn in self.turns:
            turn.table.clear()
        self.variables.clear()
        self._saying.throttle.clear()
        self.listed.clear()
