"""Splits and dividends: earlier prices in new terms, states rebuilt, nothing fires on that bar."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.ticks import with_ticks
from whispr_daemon.domain.timeframe import CODE_OF, DAY, MINUTE
from whispr_daemon.rules.columns.splits import Factors, Splits
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.logged import Logged
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

OPEN = 1_767_364_200_000_000_000  # 2026-01-02T14:30Z, a Friday
MONDAY = OPEN + 3 * DAY
MIDNIGHT = MONDAY - 570 * MINUTE
SYMBOLS = ("SPY", "QQQ")
SETTINGS = RuleSettings(require="formed", watchlist=("SPY",))


def bars(start: int, closes: list[float], symbol: int = 0) -> Rows:
    """Return bars of a minute; each opens at the close before."""
    rows = empty_rows(len(closes))
    rows["kind"], rows["timeframe"], rows["instrument"] = Kind.BAR, CODE_OF["1m"], symbol
    rows["ts"] = start + MINUTE * (1 + np.arange(len(closes)))
    rows["close"], rows["volume"] = closes, 100
    rows["open"] = [closes[0], *closes[:-1]]
    rows["high"] = np.maximum(rows["open"], rows["close"])
    rows["low"] = np.minimum(rows["open"], rows["close"])
    return rows


def split(price: float = 0.5, volume: float = 2.0, ts: int = MIDNIGHT, symbol: int = 0) -> Rows:
    row = empty_rows(1)
    row["kind"], row["ts"], row["instrument"] = Kind.SPLIT, ts, symbol
    row["open"], row["volume"] = price, volume
    return row


def market(*parts: Rows) -> Rows:
    """Return rows by time."""
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["ts"], kind="stable")]


def strategy(*logic: str, more: str = "", require: str = "formed") -> RulesStrategy:
    lines = "".join(f"  - {{{line}, then: ['emit:fire{n}']}}\n" for n, line in enumerate(logic))
    loaded = load([RuleFile("rule.yaml", f"name: rule\n{more}logic:\n{lines}")])
    assert not loaded.errors, loaded.errors
    return RulesStrategy(loaded.rules, SETTINGS)


def folded(made: RulesStrategy, rows: Rows, cut: int = 0) -> list[Output]:
    """Fold rows, in batches of ``cut``, all at once where it is 0."""
    engine = Logged(made, Batch(rows, SYMBOLS))
    parts = np.split(rows, range(cut, len(rows), cut)) if cut else [rows]
    return [output for part in parts for output in engine.on_batch(Batch(part, SYMBOLS))]


def naive(made: RulesStrategy, rows: Rows) -> list[Output]:
    return folded(made, rows[rows["kind"] != Kind.SPLIT])


def adjusted(rows: Rows) -> Rows:
    """Return the rows as a source with adjusted prices has them."""
    made = rows[rows["kind"] != Kind.SPLIT].copy()
    for one in rows[rows["kind"] == Kind.SPLIT]:
        mine = (made["ts"] <= one["ts"]) & (made["instrument"] == one["instrument"])
        for field in ("open", "high", "low", "close"):
            made[field][mine] *= one["open"]
        made["volume"][mine] *= one["volume"]
    return made


def after_first(outputs: list[Output]) -> list[Output]:
    """Return what was said from the second bar after the split on."""
    return [one for one in outputs if one.ts_event > MONDAY + MINUTE]


BEFORE = bars(OPEN, [100.0 + n % 3 for n in range(390)])
AFTER = bars(MONDAY, [50.5 + n % 3 / 2 for n in range(20)])


def test_a_cross_of_averages_does_not_fire_because_of_a_split() -> None:
    rule = ("if: 'cross_down(price, ema(close, 20))'",)
    rows = market(BEFORE, split(), AFTER)
    first = naive(strategy(*rule), rows)
    assert [one for one in first if one.ts_event == MONDAY + MINUTE]
    assert not [one for one in folded(strategy(*rule), rows) if one.ts_event == MONDAY + MINUTE]


@pytest.mark.parametrize("cut", [1, 7, 389])
def test_however_rows_are_cut_the_same_is_said_after_a_split(cut: int) -> None:
    rule = ("if: 'cross(price, ema(close, 9))'", "if: 'price > sma(close, 5)', for: 2m")
    rows = market(BEFORE, split(), AFTER)
    said = folded(strategy(*rule), rows)
    assert folded(strategy(*rule), rows, cut) == said
    assert [one for one in said if one.ts_event > MONDAY]


RULES = (
    "if: 'cross(ema(close, 5), ema(close, 12))'",
    "if: 'cross_up(price, prev.high)'",
    "if: 'crossunder(close, sma(close, 4))'",
    "if: 'touch_new(session.open)'",
    "if: 'close / spy.close > 1.0001'",
    "if: 'ema(close / spy.close, 5) > ema(close / spy.close, 9)', edge: every",
    "if: 'roc(close, 10) > 0.1 and volume < sma(volume, 20) * 1.5'",
    "if: 'count_true(close > open, 5) >= 3'",
    "if: 'EMA13@5m > close'",
)
INPUTS = "inputs: {refs: {spy: QQQ}}\n"


@settings(max_examples=12)
@given(st.integers(0, 1 << 30), st.sets(st.sampled_from([0, 1]), min_size=1))
def test_from_the_second_bar_on_it_is_as_if_prices_had_been_adjusted(
    seed: int, who: set[int]
) -> None:
    random = np.random.default_rng(seed)
    parts = []
    for symbol in (1, 0):
        walk = np.round((100 + random.normal(0, 0.3, 450).cumsum()) * 8) / 8
        half = 2 if symbol in who else 1
        parts += [bars(OPEN, walk[:390].tolist(), symbol)]
        parts += [bars(MONDAY, (walk[390:] / half).tolist(), symbol)]
        parts += [split(symbol=symbol)] if symbol in who else []
    rows = market(*parts)
    found = after_first(folded(strategy(*RULES, more=INPUTS), rows))
    wanted = after_first(folded(strategy(*RULES, more=INPUTS), adjusted(rows)))
    assert _comparable(found) == _comparable(wanted)
    assert found


def _comparable(outputs: list[Output]) -> list[object]:
    return [(one.ts_event, one.name, one.direction, one.price, one.data) for one in outputs]


def test_a_restart_after_a_split_knows_it() -> None:
    rule = ("if: 'cross(price, ema(close, 9))'",)
    rows = market(BEFORE, split(), AFTER)
    first, second = (Logged(strategy(*rule), Batch(rows, SYMBOLS)) for _ in range(2))
    first.on_batch(Batch(rows[:391], SYMBOLS))
    second.restore(first.snapshot())
    rest = Batch(rows[391:], SYMBOLS)
    assert second.on_batch(rest) == first.on_batch(rest) != []
    assert second.strategy.splits.known() == {"SPY": ((MIDNIGHT, 0.5, 2.0),)}


def test_what_a_clause_has_said_is_not_forgotten() -> None:
    once = "if: 'price > 1', edge: every, once: ever"
    slow = "if: 'price > 1', edge: every, cooldown: 60m, span_sessions: true"
    few = "if: 'price > 1', edge: every, max_fires: {count: 392, per: ever}"
    rows = market(BEFORE, split(), AFTER)
    later = [one.name for one in folded(strategy(once, slow, few), rows) if one.ts_event > MONDAY]
    assert later.count("fire0") == 0
    assert later.count("fire2") == 2
    assert folded(strategy(once, slow, few), rows) == folded(strategy(once, slow, few), rows, 50)


def test_variables_live_on() -> None:
    text = "if: 'price > 0 and seen < 3', edge: every, then: [{set: {seen: 'seen + 1'}}]"
    loaded = load(
        [
            RuleFile(
                "r.yaml",
                f"name: r\nvars: {{seen: {{init: 0, reset: never}}}}\nlogic:\n  - {{{text}}}\n",
            )
        ]
    )
    if loaded.errors:
        pytest.fail(str(loaded.errors))
    rows = market(BEFORE, split(), AFTER)
    said = folded(RulesStrategy(loaded.rules, SETTINGS), rows)
    assert len([one for one in said if one.name == "set"]) == 3


def test_what_must_hold_for_a_while_begins_again_and_must_be_seen_false() -> None:
    lasting = "if: 'price > 1', for: 5m, span_sessions: true"
    start = "if: 'price > 1', fire_on_start: true"
    rows = market(BEFORE[-3:], split(), AFTER)
    said = folded(strategy(lasting, start), rows)
    fires = [one for one in said if one.name == "fire1"]
    assert [one.ts_event for one in fires] == [OPEN + 388 * MINUTE]
    assert [one.data["reason"] for one in said if one.name == "suppressed"] == ["split"]
    assert not [one for one in said if one.name == "fire0"]


def test_a_dividend_lowers_what_came_before() -> None:
    rule = strategy("if: 'cross_down(price, prev.close - 0.5)'")
    assert BEFORE["close"][-1] == 102.0  # 100.98 of it are left, so the level is 100.48
    rows = market(BEFORE, split(0.99, 1.0), bars(MONDAY, [100.9, 100.5, 100.4, 101.6]))
    assert [one.ts_event for one in folded(rule, rows)] == [MONDAY + 3 * MINUTE]


def test_others_keep_what_a_trimmed_log_does_not_hold() -> None:
    rule = ("if: 'cross(price, ema(close, 100))'",)
    both = market(BEFORE, bars(OPEN, [100.0 + n % 5 for n in range(390)], 1))
    after = market(AFTER, bars(MONDAY, [102.0 + n % 2 * 3 for n in range(20)], 1))
    loaded = strategy(*rule, more="inputs: {symbols: [SPY, QQQ]}\n")
    loaded.on_batch(Batch(both, SYMBOLS))
    trimmed = np.concatenate([both[-20:], split()])
    engine = Logged(loaded, Batch(trimmed, SYMBOLS))
    said = engine.on_batch(Batch(np.concatenate([split(), after]), SYMBOLS))
    wanted = folded(
        strategy(*rule, more="inputs: {symbols: [QQQ]}\n"), np.concatenate([both, after])
    )
    assert [(one.ts_event, one.data) for one in said if one.instrument == "QQQ"] == [
        (one.ts_event, one.data) for one in wanted if one.ts_event > MONDAY
    ]
    assert loaded.warmup().keys() == {"rule SPY"}


def test_trades_and_quotes_of_before_are_in_new_terms_and_sizes_too() -> None:
    rows = empty_rows(4)
    rows["kind"] = [Kind.TRADE, Kind.QUOTE, Kind.TRADE, Kind.CLOCK]
    rows["ts"] = [1, 2, 10, 3]
    rows["instrument"][3] = 0xFFFFFFFF
    for field, value in zip(
        ("open", "high", "low", "close", "volume"), range(8, 48, 8), strict=True
    ):
        rows[field][:3] = value
    found = Splits({"SPY": [Factors(5, 0.5, 2.0), Factors(9, 0.5, 1.0)]})
    scaled = found.rescaled(Batch(rows, SYMBOLS)).rows
    assert scaled[0].tolist()[5:] == (2, 4, 6, 8, 80)
    assert scaled[1].tolist()[5:] == (2, 4, 48, 64, 80)
    assert scaled[2:].tolist() == rows[2:].tolist()
    assert not found.add("SPY", Factors(5, 0.1, 1.0))


def test_a_daily_bar_is_of_its_day_wherever_the_source_lets_it_end() -> None:
    daily = empty_rows(6)
    daily["kind"], daily["timeframe"], daily["close"] = Kind.BAR, CODE_OF["1d"], 8
    midnights = np.array([0, 5, 14]) * 60 * MINUTE  # UTC; New York's; the open
    day = MIDNIGHT // DAY * DAY
    daily["ts"][:3], daily["ts"][3:] = day + midnights, day + DAY + midnights
    scaled = Splits({"SPY": [Factors(MIDNIGHT, 0.5, 2.0)]}).rescaled(Batch(daily, SYMBOLS))
    assert scaled.rows["close"].tolist() == [4, 4, 4, 8, 8, 8]


def trades(start: int, prices: list[float]) -> Rows:
    """Return a trade every 20 seconds."""
    rows = empty_rows(len(prices))
    rows["kind"], rows["volume"] = Kind.TRADE, 1
    rows["ts"] = start + MINUTE // 3 * (1 + np.arange(len(prices)))
    for field in ("open", "high", "low", "close"):
        rows[field] = prices
    return rows


TICK_RULES = (
    "if: 'cross(price, ema(close, 5))'",
    "if: 'forming(close) > ema(close, 9)'",
    "if: 'cross_up(price, session.high)'",
)


@pytest.mark.parametrize("seed", range(2))
def test_on_ticks_nothing_fires_before_the_first_bar_is_over(seed: int) -> None:
    random = np.random.default_rng(seed)
    walk = np.round((100 + random.normal(0, 0.3, 1260).cumsum()) * 8) / 8
    before, after = walk[:1170].tolist(), (walk[1170:] / 2).tolist()
    rows = market(trades(OPEN, before), split(), trades(MONDAY, after))
    rows, _, _ = with_ticks(rows, np.arange(len(rows)), 0)
    inputs = "inputs: {evaluate: tick}\n"
    found, wanted = (
        [one for one in folded(strategy(*TICK_RULES, more=inputs), each) if one.ts_event > MONDAY]
        for each in (rows, adjusted(rows))
    )
    first = [one for one in found if one.ts_event < MONDAY + MINUTE]
    assert {one.name for one in first} <= {"suppressed"}
    assert {one.data["reason"] for one in first} <= {"split"}
    signals, others = (
        [one for one in each if one.ts_event > MONDAY + 2 * MINUTE] for each in (found, wanted)
    )
    assert _comparable(signals) == _comparable(others) != []
