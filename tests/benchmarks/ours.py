"""The rules of a replay, run in several ways: step by step, to verdicts, to outputs, to a store."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.benchmarks.bars import Bars, Files
from tests.benchmarks.by_hand import RULES
from tests.benchmarks.stages import STEPS, Stages
from tests.benchmarks.stored import Stored, replayed
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.load import load
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

_BATCH: Final = 65_536  # rows
_WARM: Final = 4 * _BATCH  # rows, after which every kernel was asked for


class Ours:
    """The rules of :data:`RULES`, anew for each run.

    Attributes:
        said: by the last run to outputs.
        steps: the seconds of each step, by run of the kernels.
        stored: by the last run of a daemon.
    """

    def __init__(self, bars: Bars, files: Files, folder: Path) -> None:
        """Nothing is compiled."""
        self.said: list[Output] = []
        self.steps: dict[str, list[float]] = {name: [] for name in STEPS}
        self.stored: Stored | None = None
        self._bars, self._files, self._folder = bars, files, folder
        self._kernels: Path | None = None
        self._compiler: Compiler = UNCOMPILED

    def compile(self, stack: ExitStack) -> None:
        """Compile the kernels; ``stack`` is closed after the last run."""
        self._kernels = self._folder / "kernels"
        self._compiler = compiler = NumbaCompiler(self._kernels)
        stack.callback(compiler.close)
        for _ in range(2):  # some are asked for only after others are there
            rules = self._begun()
            for batch in self._batches(_WARM):
                rules.on_batch(batch)
            compiler.finish()

    def kernels(self) -> float:
        """Return the seconds from framed columns to verdicts, of all rows in memory."""
        found = Stages(self._bars, self._compiler).run(to_outputs=False)
        for name, taken in found.seconds.items():
            self.steps[name].append(taken)
        return found.kernels

    def step_by_step(self) -> list[Output]:
        """Return what is said, step by step."""
        return Stages(self._bars, self._compiler).run(to_outputs=True).said

    def verdicts(self) -> float:
        """Return the seconds from rows in memory to verdicts that nobody looks at."""
        rules, count = self._begun(), 0
        began = SYSTEM_CLOCK.monotonic()
        for batch in self._batches():
            for verdicts in rules.verdicts(batch):
                count += len(verdicts)
        assert count > 0
        return SYSTEM_CLOCK.monotonic() - began

    def outputs(self) -> float:
        """Return the seconds from rows in memory to outputs."""
        rules = self._begun()
        self.said = []
        began = SYSTEM_CLOCK.monotonic()
        for batch in self._batches():
            self.said += rules.on_batch(batch)
        return SYSTEM_CLOCK.monotonic() - began

    def store(self) -> float:
        """Return the seconds from files to signals in a store."""
        folder = self._folder / "daemon"
        symbols = self._bars.symbols
        self.stored = replayed(self._files, symbols, RULES, self._kernels, folder)
        return self.stored.seconds

    @property
    def others(self) -> int:
        """How many outputs of a replay were no signals."""
        return self.stored.others if self.stored else 0

    def _begun(self) -> RulesStrategy:
        """Return the rules with the daily bars before the first minute."""
        rules = RulesStrategy(load(RULES).rules, RuleSettings(), self._compiler)
        rules.on_batch(Batch(self._bars.history, self._bars.symbols))  # nothing is said
        return rules

    def _batches(self, rows: int | None = None) -> list[Batch]:
        whole = self._bars.rows[:rows]
        return [
            Batch(whole[begin : begin + _BATCH], self._bars.symbols)
            for begin in range(0, len(whole), _BATCH)
        ]
