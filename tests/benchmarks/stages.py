"""The steps of the rules engine one by one, in the batches of production: seconds of each.

The steps are those of ``RulesStrategy.verdicts``, made of the same classes: its rows are cut into
parts of as many, and each part goes through all steps before the next. What is made in one step for
the first who asks for it counts there: a column of a frame that is made on demand is ``averages``
or ``rules``, not ``framing``. Averages and levels that one loop folds with the rules are ``rules``.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.benchmarks.bars import Bars
from tests.benchmarks.by_hand import RULES
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.board import Board
from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.ladders import LadderMaker
from whispr_daemon.rules.columns.slots import Slots, select
from whispr_daemon.rules.found import Verdicts
from whispr_daemon.rules.jit import Compiler
from whispr_daemon.rules.load import load
from whispr_daemon.rules.order import in_order
from whispr_daemon.rules.rounds import Rounds
from whispr_daemon.rules.running import Running
from whispr_daemon.rules.settings import RuleSettings

KERNELS: Final = ("averages", "levels", "rules")  # the steps from framed columns to verdicts
STEPS: Final = ("slots", "framing", *KERNELS)
_AT_ONCE: Final = 8_192  # rows, as in production


class Steps(NamedTuple):
    """A run: the seconds of each step, and what was said."""

    seconds: Mapping[str, float]
    said: list[Output]

    @property
    def kernels(self) -> float:
        """The seconds from framed columns to verdicts that nobody has looked at."""
        return sum(self.seconds[name] for name in KERNELS)


class Stages:
    """The rules of :data:`RULES`, cold at first, taken apart."""

    def __init__(self, bars: Bars, compiler: Compiler) -> None:
        """Fold the daily bars before the first minute."""
        rules, settings = in_order(load(RULES).rules), RuleSettings()
        self._bars = bars
        board = Board(rules)
        self._running = [Running(rule, settings, board, compiler) for rule in rules]
        self._slots = Slots(lambda symbol: any(one.wants(symbol) for one in self._running))
        self._bank = Bank(self._slots, settings, compiler)
        for running in self._running:
            for turn in running.turns:
                for column in turn.program.columns:
                    self._bank.ask(turn.clock, column)
                for node in running.reads(turn):
                    self._bank.want(turn.clock, node)
        self._rounds = Rounds(self._running, self._bank, board)
        self._taken = dict.fromkeys(STEPS, 0.0)
        self._part(bars.history)
        self._taken = dict.fromkeys(STEPS, 0.0)

    def run(self, *, to_outputs: bool) -> Steps:
        """Fold all rows; where nothing is to be said of them, nobody looks at verdicts.

        Who says something uses the processor's caches, too: steps after it take longer.
        """
        said: list[Output] = []
        for begin in range(0, len(self._bars.rows), _AT_ONCE):
            verdicts = self._part(self._bars.rows[begin : begin + _AT_ONCE])
            if to_outputs:
                for place, found, view in verdicts:
                    said += self._running[place.rank].say(found, view)
        return Steps(self._taken, said)

    def _part(self, rows: Rows) -> Verdicts:
        now = SYSTEM_CLOCK.monotonic()
        selection = select(Batch(rows, self._bars.symbols), self._slots)
        now = self._since("slots", now)
        if selection is None:
            return Verdicts()
        self._bank.take(selection)
        now = self._since("framing", now)
        kernels = self._rounds.kernels()
        fused = {maker for one in kernels for maker in one.makers}
        for maker in self._bank.makers.values():
            if maker not in fused:
                maker.fill()
            now = self._since("levels" if isinstance(maker, LadderMaker) else "averages", now)
        verdicts = self._rounds.run(self._slots.symbols, kernels=kernels)
        self._since("rules", now)
        return verdicts

    def _since(self, step: str, began: float) -> float:
        """Add what has passed to a step; return what the clock says."""
        now = SYSTEM_CLOCK.monotonic()
        self._taken[step] += now - began
        return now
