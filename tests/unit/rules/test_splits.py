"""Splits and dividends: earlier prices in new terms, states rebuilt, nothing fires on that bar."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.timeframe import CODE_OF, DAY, MINUTE
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


@settings(max_examples=12, deadline=None)
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
