"""What every strategy promises: it is a fold, and its state survives a crash anywhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from whispr_daemon.adapters import plugins
from whispr_daemon.adapters.sources.simulated import SimulatedSource, Simulation
from whispr_daemon.domain.batch import Batch
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.strategy import RulesStrategy
from whispr_daemon.testing import AnyStrategy, check, run

ROWS = 120  # enough for the averages; a snapshot is taken and restored after each


def _rules(folder: Path) -> RulesStrategy:
    files = [RuleFile(str(path), path.read_text()) for path in sorted(folder.glob("*.yaml"))]
    return RulesStrategy(load(files).rules)


@pytest.fixture(params=[*plugins.installed(), "rules"])
def new_strategy(request: pytest.FixtureRequest, repo_root: Path) -> Callable[[], AnyStrategy]:
    """A maker of each installed strategy, and of the shipped rules."""
    if request.param == "rules":
        return lambda: _rules(repo_root / "config" / "rules")
    return lambda: plugins.build(request.param, {})


@pytest.fixture
async def market() -> Batch:
    """Part of a simulated session, after the history that precedes it."""
    source = SimulatedSource(Simulation(symbols=("SPY", "NVDA"), history=20, sessions=1))
    async for part in source.batches(0):
        return Batch(part.rows[-ROWS:], part.symbols)
    raise AssertionError("the market is silent")


async def test_it_is_a_fold_wherever_it_is_cut_stopped_and_resumed(
    new_strategy: Callable[[], AnyStrategy], market: Batch
) -> None:
    check(new_strategy, market)


async def test_every_output_is_complete_and_has_an_id_of_its_own(
    new_strategy: Callable[[], AnyStrategy],
) -> None:
    source = SimulatedSource(Simulation(symbols=("SPY", "NVDA"), sessions=3))
    said = []
    async for part in source.batches(0):
        said += run(new_strategy(), Batch(part.rows, part.symbols))
    assert said
    assert all(each.origin and each.version and each.instrument and each.ts_event for each in said)
    assert len({each.id for each in said}) == len(said)
