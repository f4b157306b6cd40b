"""Indicators: the worked numbers of TradingView's conventions."""

import math
from itertools import pairwise

import pytest

from whispr_daemon.rules.check.expression import check
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.functions.folds import Input, Output, State, fold
from whispr_daemon.rules.functions.table import fold_of
from whispr_daemon.rules.functions.warmth import needs_of

NAN = float("nan")
CLOSES = [44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08]


def values_of(name: str, length: int, closes: list[float], spread: float = 0.5) -> list[float]:
    """Return the values of an indicator over one instrument; bars reach ``spread`` both ways."""
    folded = fold_of(name)
    place = folded.place((float(length),))
    state = State([NAN] * place.width, [0])
    out = Output([NAN] * len(closes), [0] * len(closes))
    high, low = [x + spread for x in closes], [x - spread for x in closes]
    flat = [0] * len(closes)
    given = Input(slot=flat, x=closes, open=closes, high=high, low=low, volume=flat, date=flat)
    fold(len(closes), given, state, place, out, folded.step)
    return list(out.value)


def defined(values: list[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def test_ema_starts_as_the_mean_and_moves_by_alpha() -> None:
    values = values_of("ema", 3, [1.0, 2.0, 6.0, 5.0, 9.0])
    assert math.isnan(values[1])
    assert values[2:] == [3.0, 4.0, 6.5]


def test_rma_keeps_all_but_one_part() -> None:
    assert defined(values_of("rma", 3, [1.0, 2.0, 6.0, 6.0, 1.0])) == [3.0, 4.0, 3.0]


def test_sma_is_the_mean_of_the_last_few() -> None:
    assert defined(values_of("sma", 3, [1.0, 2.0, 6.0, 7.0, 2.0])) == [3.0, 5.0, 5.0]


def test_an_undefined_input_is_skipped() -> None:
    values = values_of("ema", 2, [1.0, NAN, 3.0, NAN, 5.0])
    assert [values[2], values[4]] == [2.0, 4.0]
    assert len(defined(values)) == 2


def test_atr_begins_on_bar_n_and_the_first_range_is_high_minus_low() -> None:
    values = values_of("atr", 3, [10.0, 10.0, 12.0, 12.0])
    assert math.isnan(values[1])
    assert values[2:] == [(1.0 + 1.0 + 2.5) / 3, (1.5 * 2 + 1.0) / 3]


def test_rsi_begins_at_index_n_and_is_100_without_losses() -> None:
    values = values_of("rsi", 3, CLOSES)
    assert len(defined(values)) == len(CLOSES) - 3
    gains = [max(b - a, 0.0) for a, b in pairwise(CLOSES)]
    losses = [max(a - b, 0.0) for a, b in pairwise(CLOSES)]
    first = 100 - 100 / (1 + (sum(gains[:3]) / 3) / (sum(losses[:3]) / 3))
    assert values[3] == pytest.approx(first, rel=1e-14)
    assert values_of("rsi", 2, [1.0, 2.0, 3.0])[-1] == 100.0
    assert values_of("rsi", 2, [3.0, 2.0, 1.0])[-1] == 0.0
    assert values_of("rsi", 2, [3.0, 3.0, 3.0])[-1] == 100.0


def test_history_looks_back_whole_bars() -> None:
    assert values_of("hist", 2, [1.0, NAN, 3.0, 4.0, 5.0])[2] == 1.0
    assert math.isnan(values_of("hist", 2, [1.0, NAN, 3.0, 4.0, 5.0])[3])


@pytest.mark.parametrize(
    ("name", "formed", "settling"),
    [("EMA13", 13, 90), ("EMA48", 48, 332), ("EMA200", 200, 1382), ("ATR14", 14, 187),
     ("RSI14", 15, 187), ("SMA20", 20, 0)],
)  # fmt: skip
def test_how_long_values_take_to_settle(name: str, formed: int, settling: int) -> None:
    node = check(name, Scope()).node
    assert node is not None
    (need,) = needs_of(node)
    assert (need.formed, need.converged) == (formed, formed + settling)
