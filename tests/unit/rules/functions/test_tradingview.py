"""Our numbers are TradingView's to the last bit, as PyneCore measured them."""

import pytest

from tests.unit.rules.functions.bars import Bars, events, values, walk_of
from tests.unit.rules.functions.expressions import typed
from tests.unit.rules.functions.oracles import PINE, PINE_EVENTS, PINE_LINES
from tests.unit.rules.functions.pyne import pyne

SUPERTREND_FORMED = 9  # before it PyneCore says 1, and 0 of the first bar: a quirk that is not ours


@pytest.fixture(scope="module")
def bars() -> Bars:
    """A walk of prices on ticks, long enough for EMA(200) to have settled."""
    return walk_of(1_800)


@pytest.fixture(scope="module")
def theirs(bars: Bars) -> dict[str, list[float]]:
    """All of TradingView's values, by our expression."""
    both = {**PINE, **PINE_EVENTS}
    found = pyne({f"n{place}": text for place, text in enumerate(both.values())}, bars, PINE_LINES)
    return dict(zip(both, found.values(), strict=True))


@pytest.mark.parametrize("text", PINE)
def test_a_value_is_tradingviews_to_the_last_bit(
    text: str, bars: Bars, theirs: dict[str, list[float]]
) -> None:
    ours = values(typed(text), bars)
    first = SUPERTREND_FORMED if text.startswith("supertrend") else 0
    assert any(value == value for value in ours)
    assert [repr(value) for value in ours[first:]] == [
        repr(value) for value in theirs[text][first:]
    ]


@pytest.mark.parametrize("text", PINE_EVENTS)
def test_a_cross_is_tradingviews_on_every_bar(
    text: str, bars: Bars, theirs: dict[str, list[float]]
) -> None:
    ours = [told.truth == 1 for told in events(typed(text), bars)]
    assert any(ours)
    assert ours == [value == 1.0 for value in theirs[text]]
