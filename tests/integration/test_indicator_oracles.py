"""Indicators on real minutes of SPY, against TradingView's numbers and TA-Lib's."""

from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from tests.unit.rules.functions.bars import Bars, values
from tests.unit.rules.functions.expressions import typed
from tests.unit.rules.functions.oracles import PINE, PINE_LINES, TA_LIB, against_ta_lib
from tests.unit.rules.functions.pyne import pyne

BARS = 3_000
EXACT = ("ema(close, 13)", "ema(close, 200)", "rma(close, 14)", "atr(14)", "rsi(close, 14)")
# Where TradingView and TA-Lib disagree on real prices: a high and a low that move by as many ticks
# are a tie to the one (within 1e-10) and, by an error of rounding, a movement to the other; and of
# a deviation of less than a cent both lose digits, not the same ones.
TIED = ("di_plus(14)", "di_minus(14)", "adx(14)")
APART = {"stdev(close, 20)": 1e-6}


@pytest.fixture(scope="module")
def minutes(market_data: Path) -> Bars:
    """The first minutes of January 2011, those outside the regular session included."""
    columns = (
        parquet.read_table(market_data / "equity_1min_SPY_2011-01.parquet")
        .slice(0, BARS)
        .to_pydict()
    )
    day = [moment.toordinal() for moment in columns["ts"]]
    prices = [list(map(float, columns[name])) for name in ("open", "high", "low", "close")]
    return Bars(*prices, list(map(float, columns["volume"])), day)


def test_averages_atr_and_rsi_are_tradingviews_to_the_last_bit(minutes: Bars) -> None:
    theirs = pyne({f"n{place}": PINE[text] for place, text in enumerate(EXACT)}, minutes)
    for text, wanted in zip(EXACT, theirs.values(), strict=True):
        assert list(map(repr, values(typed(text), minutes))) == list(map(repr, wanted)), text


def test_every_other_value_is_too(minutes: Bars) -> None:
    lined = {f"n{place}": text for place, text in enumerate(PINE)}
    theirs = pyne({name: PINE[text] for name, text in lined.items()}, minutes, PINE_LINES)
    for name, text in lined.items():
        ours = values(typed(text), minutes)[9:]  # before it PyneCore's supertrend is not na
        assert list(map(repr, ours)) == list(map(repr, theirs[name][9:])), text


@pytest.mark.parametrize("text", [text for text in TA_LIB if text not in TIED])
def test_a_value_is_ta_libs(text: str, minutes: Bars) -> None:
    first, apart = against_ta_lib(text, minutes)
    assert first == TA_LIB[text].first
    assert apart < APART.get(text, 1e-9)
