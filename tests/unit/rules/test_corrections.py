"""Corrections of bars: history that is learned has them, what was said stands."""

import numpy as np
import pytest

from tests.unit.rules.test_splits import SYMBOLS, bars, split
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Audit, Output, Signal
from whispr_daemon.domain.timeframe import CODE_OF, DAY, MINUTE
from whispr_daemon.rules.change import RuleChange
from whispr_daemon.rules.columns.corrections import MOST, Corrected, Corrections
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

OPEN = 1_767_364_200_000_000_000  # 2026-01-02T14:30Z
CLOSES = [100.0 + n % 4 for n in range(40)]
CALM = "name: calm\nlogic:\n  - {if: 'price > 1000', then: ['emit:never']}\n"
RULE = """
name: over
logic:
  - {if: "cross(close, sma(close, 30))", then: ["emit:cross"]}
  - {if: "ema(close, 9) > sma(close, 25)", edge: every, then: ["emit:above"], once: bar}
  - {if: "close@5m > sma(close, 3)@5m", edge: every, then: ["emit:five"], once: bar}
"""


def correction(place: int, close: float, symbol: int = 0) -> Rows:
    """Return the bar ``place`` with another close."""
    row = bars(OPEN + place * MINUTE, [close], symbol)
    row["kind"] = Kind.CORRECTION
    return row


def changed(strategy: RulesStrategy, log: Rows, *rules: str) -> RulesStrategy:
    """Give rules to a strategy, which learns the log that it has folded."""
    files = tuple(RuleFile(f"{n}.yaml", text) for n, text in enumerate(rules))
    strategy.change(1, RuleChange(files=files).encode(), 0)
    while fresh := strategy.unlearned():
        again: RulesStrategy | None = fresh
        while again is not None:
            fresh = again
            for at in range(0, len(log), 7):
                fresh.on_batch(Batch(log[at : at + 7], SYMBOLS))
            again = fresh.unlearned()
        strategy.learn(fresh)
    return strategy


def strategy() -> RulesStrategy:
    return RulesStrategy([], RuleSettings(require="formed", watchlist=("SPY",)))


def folded(made: RulesStrategy, rows: Rows) -> list[Output]:
    return list(made.on_batch(Batch(rows, SYMBOLS)))


BEFORE, AFTER = bars(OPEN, CLOSES), bars(OPEN + 40 * MINUTE, [99.0, 104, 98, 103, 97, 105] * 3)


@pytest.mark.parametrize("gone", [None, 20])
def test_a_rule_that_learns_the_log_has_it_as_it_was_corrected(gone: int | None) -> None:
    kept = np.arange(len(BEFORE)) != gone
    log = np.concatenate([BEFORE[kept], correction(20, 130.0), correction(22, 7.0)])
    live = changed(strategy(), BEFORE[:0], CALM)
    folded(live, log)
    right = BEFORE.copy()
    for place, close in ((20, 130.0), (22, 7.0)):
        right[place] = bars(OPEN + place * MINUTE, [close])[0]
    expected = changed(strategy(), BEFORE[:0], CALM)
    folded(expected, right)
    said = folded(changed(live, log, CALM, RULE), AFTER)
    assert said == folded(changed(expected, right, CALM, RULE), AFTER)
    plain = changed(strategy(), BEFORE[:0], CALM)
    folded(plain, BEFORE)
    assert said != folded(changed(plain, BEFORE, CALM, RULE), AFTER)


@pytest.mark.parametrize("cut", [1, 5, 1000])
def test_what_is_evaluated_live_does_not_change(cut: int) -> None:
    plain = changed(strategy(), BEFORE[:0], RULE)
    live = changed(strategy(), BEFORE[:0], RULE)
    rows = np.insert(np.concatenate([BEFORE, AFTER]), 45, correction(20, 130.0))
    said = [one for at in range(0, len(rows), cut) for one in folded(live, rows[at : at + cut])]
    corrections = [one for one in said if one.name == "correction"]
    rest = [one for one in said if one.name != "correction"]
    assert rest == folded(plain, np.concatenate([BEFORE, AFTER]))
    assert len(corrections) <= 1


def test_a_fire_at_a_corrected_bar_is_annotated_once_and_stands() -> None:
    live = changed(strategy(), BEFORE[:0], RULE)
    fires = [one for one in folded(live, np.concatenate([BEFORE, AFTER])) if type(one) is Signal]
    last = fires[-1]
    place = (last.ts_event - OPEN) // MINUTE - 1
    body = live.snapshot()
    for restored in (live, changed(strategy(), BEFORE[:0], RULE)):
        restored.restore(body)
        (line,) = folded(restored, correction(place, 95.5))
        assert isinstance(line, Audit)
        assert (line.name, line.origin, line.ts_event) == ("correction", "over", last.ts_event)
        assert (line.data["was"], line.data["close"]) == (last.price, 95.5)
        assert line.message.startswith("a 1m bar of SPY was corrected: its close is 95.5, it was ")
        assert folded(restored, correction(place, 95.5)) == []  # the same word again is no news
        (again,) = folded(restored, correction(place, 95.6))
        assert again.data["was"] == 95.5
    assert live.snapshot() == restored.snapshot()


def test_a_snapshot_keeps_what_was_corrected() -> None:
    live = changed(strategy(), BEFORE[:0], CALM)
    log = np.concatenate([BEFORE, correction(20, 130.0)])
    folded(live, log)
    other = changed(strategy(), BEFORE[:0], CALM)
    other.restore(live.snapshot())
    assert folded(changed(other, log, CALM, RULE), AFTER) == folded(
        changed(live, log, CALM, RULE), AFTER
    )


def test_a_split_takes_corrections_in_in_the_terms_of_their_time() -> None:
    monday = OPEN + 3 * DAY
    later = bars(monday, [close / 2 for close in CLOSES])
    parts = (BEFORE, correction(20, 130.0), split())

    def said(first: Rows, *rest: Rows) -> list[Output]:
        log = np.concatenate([first, *rest])
        live = changed(strategy(), first[:0], RULE)
        folded(live, log)
        fresh = live.unlearned()
        assert fresh is not None
        folded(fresh, log)
        live.learn(fresh)
        return folded(live, later)

    right = BEFORE.copy()
    right[20] = bars(OPEN + 20 * MINUTE, [130.0])[0]
    assert said(*parts) == said(right, split())


def test_who_learns_meets_corrections_of_which_nobody_knew() -> None:
    log = np.concatenate([BEFORE, correction(20, 130.0), correction(20, 131.0)])
    fresh = changed(strategy(), BEFORE[:0], CALM)
    met = changed(fresh, log, CALM, RULE)
    known = changed(strategy(), BEFORE[:0], CALM)
    folded(known, log)
    assert folded(met, AFTER) == folded(changed(known, log, CALM, RULE), AFTER)


def test_only_so_many_corrections_of_an_instrument_are_kept_the_newest() -> None:
    bar = Corrected(0, CODE_OF["1m"], 1.0, 1.0, 1.0, 1.0, 1.0)
    known = Corrections()
    assert all(known.add("SPY", bar._replace(ts=ts)) for ts in range(1, MOST + 2))
    assert not known.add("SPY", bar._replace(ts=1))
    assert len(known.known()["SPY"]) == MOST
    assert known.was("SPY", bar.timeframe, 1) is None
