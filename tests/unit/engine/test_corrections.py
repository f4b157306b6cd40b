"""Corrected bars in the log: who learns has them, what is live does not, whoever dies around it."""

import asyncio
from random import Random

import numpy as np
import pytest

from tests.simulation.faults import finish
from tests.simulation.market import SYMBOLS, ScriptedSource, Stateful, bar_rows, entries
from tests.simulation.parts import World
from tests.unit.engine import rule_units
from tests.unit.engine.rule_units import with_changes
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.moments import references_first
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.ticks import with_ticks
from whispr_daemon.engine.ingest import Ingest
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.metrics import ROWS_CORRECTED
from whispr_daemon.rules.change import RuleChange
from whispr_daemon.rules.load import RuleFile

LIVE = "name: live\nlogic: [{if: 'cross(ema(close, 3), ema(close, 8))', then: ['emit:live']}]\n"
LATER = """
name: later
logic: [{if: "close > sma(close, 60)", edge: every, once: bar, then: ["emit:later"]}]
"""
CHANGE_AT, FIRST = 150, 130  # rows


def market(*, as_bars: bool = False, without: bool = False) -> Rows:
    """Return bars, and then some of them again with twice their prices, as ingest marks them.

    ``as_bars``: they are what they are corrected to from the start.
    """
    rows = bar_rows(260, symbols=2, seed=5)
    again = rows[90:FIRST:3].copy()
    for field in ("open", "high", "low", "close"):
        again[field] *= 2
    if as_bars:
        rows[90:FIRST:3] = again
        return rows
    again["kind"] = Kind.CORRECTION
    return rows if without else np.insert(rows, np.full(len(again), FIRST), again)


def log(rows: Rows, cuts: list[int]) -> list[Entry]:
    """Return the rows as entries; rules come before all, and one more where 150 bars are in."""
    place = int(np.flatnonzero(np.cumsum(rows["kind"] == Kind.BAR) == CHANGE_AT)[0])
    found = entries(rows, [*cuts, place])
    at = next(n for n, entry in enumerate(found) if entry.offset == place)
    return with_changes(found, 0, at + 1)


async def said(rows: Rows, cuts: list[int], deaths: int = 0, seed: int = 0) -> list[Output]:
    """Return what a unit of rules says over the log; it dies so many times."""
    live, later = RuleFile("live.yaml", LIVE), RuleFile("later.yaml", LATER)
    changes = [RuleChange(files=(live,)), RuleChange(files=(live, later))]
    return await rule_units.said(log(rows, cuts), changes, deaths, seed)


@pytest.fixture(scope="module")
def whole() -> list[Output]:
    return asyncio.run(said(market(), []))


def of(found: list[Output], name: str) -> list[Output]:
    return [one for one in found if one.name == name]


@pytest.mark.parametrize("seed", range(4))
async def test_cut_anywhere_and_killed_at_any_time_it_is_the_same(
    seed: int, whole: list[Output]
) -> None:
    random = Random(seed)
    cuts = sorted(random.sample(range(1, 260), random.choice([5, 40, 120])))
    assert await said(market(), cuts, deaths=4, seed=seed) == whole


async def test_what_is_live_stands_and_is_annotated(whole: list[Output]) -> None:
    assert of(whole, "live") == of(await said(market(without=True), []), "live")
    lines = of(whole, "correction")
    assert lines
    fires = {(one.ts_event, one.instrument) for one in of(whole, "live")}
    assert {(one.ts_event, one.instrument) for one in lines} <= fires
    assert {one.origin for one in lines} == {"live"}


async def test_what_is_new_knows_the_corrected_history(whole: list[Output]) -> None:
    later = of(whole, "later")
    assert later == of(await said(market(as_bars=True), []), "later")
    assert later != of(await said(market(without=True), []), "later")


async def test_other_strategies_get_no_corrections() -> None:
    plain, corrected = World(), World()
    await plain.fill(entries(market(without=True), [50]))
    await corrected.fill(entries(market(), [50]))
    for world in (plain, corrected):
        await world.run_to_end(world.unit(Stateful()))
    assert await corrected.outputs() == await plain.outputs()


async def test_ingest_marks_bars_of_the_past_and_counts_them() -> None:
    rows = bar_rows(12)
    again = rows[[4, 4, 10]].copy()
    again["close"] = again["high"] = [900.0, 901.0, 902.0]
    rows = np.concatenate([rows[:11], rows[10:11], again, rows[11:]])
    world = World()
    source = ScriptedSource(rows, SYMBOLS, world.clock)
    ingest = Ingest(source, world.log, world.store, world.clock, world.figures)
    await finish(world.clock, ingest.run())
    kept = [row for entry in await world.log.read(0, Position(0, 0), 99, 0.0) for row in entry.rows]
    assert [row["close"] for row in kept if row["kind"] == Kind.CORRECTION] == [900, 901, 902]
    assert sum(row["kind"] == Kind.BAR for row in kept) == 12
    assert [each.reason for each in await world.store.dead_letters(9)] == ["out_of_order"]
    assert world.figures.counts[ROWS_CORRECTED.name] == 3


def test_a_correction_moves_neither_time_nor_the_order_of_a_moment() -> None:
    rows = bar_rows(20, symbols=2)
    correction = rows[2:3].copy()
    correction["kind"] = Kind.CORRECTION
    reference = rows["instrument"] == 1
    plain = rows[references_first(rows, reference)]
    for place in range(3, 20):
        made = np.insert(rows, place, correction)
        ordered = made[references_first(made, made["instrument"] == 1)]
        assert (ordered[ordered["kind"] == Kind.BAR] == plain).all()
        ticked, _, _ = with_ticks(made, np.arange(21), 0)
        expected, _, _ = with_ticks(rows, np.arange(20), 0)
        assert (ticked[ticked["kind"] != Kind.CORRECTION] == expected).all()
