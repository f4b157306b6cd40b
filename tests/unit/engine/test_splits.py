"""A split in the log: however it is cut, and whoever dies around it, rules say the same."""

import asyncio
from random import Random

import numpy as np
import pytest

from tests.simulation.market import SYMBOLS, Stateful, bar_rows, entries
from tests.unit.engine import rule_units
from tests.unit.engine.rule_units import with_changes
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Bar, Kind, Split
from whispr_daemon.domain.outputs import Output
from whispr_daemon.engine.fold import Fold
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.rules.change import RuleChange
from whispr_daemon.rules.load import RuleFile

RULE = """
name: over
inputs: {symbols: [SPY, QQQ], refs: {qqq: QQQ}}
logic:
  - {if: "cross(ema(close, 3), ema(close, 8))", then: ["emit:averages"]}
  - {if: "cross(close / qqq.close, 1)", then: ["emit:ratio"]}
  - {if: "price > sma(close, 5)", for: 3m, then: ["emit:lasting"]}
  - {if: "price > sma(close, 30)", edge: every, once: bar, then: ["emit:many"]}
"""


def market() -> Rows:
    rows = bar_rows(400, symbols=2, seed=5)
    for place, code, factor in ((120, 0, 0.5), (121, 1, 0.5), (300, 0, 4.0)):
        split = rows[place - 1 : place].copy()
        split["kind"], split["timeframe"], split["instrument"] = Kind.SPLIT, 0, code
        split["open"], split["volume"] = factor, 1 / factor
        rows = np.insert(rows, place, split)
    return rows


def log(cuts: list[int]) -> list[Entry]:
    """Return the rows as entries, the rules' first change before them."""
    return with_changes(entries(market(), cuts), 0)


async def said(cuts: list[int], deaths: int = 0, seed: int = 0) -> list[Output]:
    """Return what a unit of rules says over the log; it dies so many times."""
    change = RuleChange(files=(RuleFile("over.yaml", RULE),), refs=("QQQ",))
    return await rule_units.said(log(cuts), [change], deaths, seed)


@pytest.fixture(scope="module")
def whole() -> list[Output]:
    return asyncio.run(said([]))


@pytest.mark.parametrize("seed", range(5))
async def test_cut_anywhere_and_killed_at_any_time_it_is_the_same(
    seed: int, whole: list[Output]
) -> None:
    random = Random(seed)
    cuts = sorted(random.sample(range(1, 400), random.choice([5, 40, 150])))
    assert await said(cuts, deaths=4, seed=seed) == whole
    assert {one.name for one in whole} >= {"averages", "ratio", "lasting", "many"}


async def test_no_rule_that_reads_of_it_fires_on_the_first_bar_after_a_split(
    whole: list[Output],
) -> None:
    rows = market()
    signals = {(one.ts_event, one.instrument) for one in whole if one.name != "suppressed"}
    for place in np.flatnonzero(rows["kind"] == Kind.SPLIT).tolist():
        code = rows["instrument"][place]
        later = rows[place:][rows["kind"][place:] == Kind.BAR]
        for other in (0, 1):
            if other == code or code == 1:  # SPY's rule reads of QQQ, and QQQ's of itself
                first = later[later["instrument"] == other][0]
                assert (int(first["ts"]), SYMBOLS[other]) not in signals


def test_other_strategies_get_a_split_as_an_event() -> None:
    seen = [type(event) for event in Batch(market(), SYMBOLS).events()]
    assert (seen.count(Bar), seen.count(Split)) == (400, 3)
    fold = Fold(Stateful(), "stateful", "1")
    assert [output for entry in log([])[1:] for output in fold.take(entry, SYMBOLS)]
