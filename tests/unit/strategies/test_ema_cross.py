"""The shipped example strategy, tested the way an author would test his own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.ema_cross import Average, EmaCross
from whispr_daemon.domain.events import ClockTick, MarketEvent, Quote, Split, Trade
from whispr_daemon.ports.strategy import Strategy
from whispr_daemon.testing import bars, check, run

START = "2024-01-02T14:30Z"
V_SHAPE = [*range(20, 10, -1), *range(10, 20), *range(20, 10, -1)]


def small() -> EmaCross:
    return EmaCross(fast=2, slow=4)


def directions(closes: list[float]) -> list[str]:
    return [signal.direction for signal in run(small(), bars("SPY", START, closes))]


def test_it_is_a_strategy() -> None:
    strategy: Strategy = EmaCross()
    assert (strategy.name, strategy.version) == ("ema_cross", "1")


def test_it_goes_long_after_a_turn_up_and_short_after_a_turn_down() -> None:
    assert directions(list(V_SHAPE)) == ["long", "short"]


def test_a_signal_says_what_was_seen() -> None:
    long, _ = run(small(), bars("SPY", START, V_SHAPE))
    assert (long.name, long.instrument, long.origin) == ("ema_cross", "SPY", "ema_cross")
    assert long.price == 12
    assert long.data["fast"] > long.data["slow"]


def test_nothing_is_said_before_the_slow_average_is_ready_nor_at_the_first_side_seen() -> None:
    assert directions([1, 2, 3, 4, 5, 6]) == []
    assert directions([4, 3, 9]) == []


def test_flat_prices_are_no_side() -> None:
    assert directions([0.1] * 100) == []
    assert directions([3, 2, 1, 1, *[1] * 200, 1]) == []


def test_a_split_is_no_cross() -> None:
    whole, halves = (bars("SPY", START, [x / n for x in V_SHAPE]) for n in (1, 2))
    split = Split(ts_event=whole[15].ts_event, instrument="SPY", price=0.5, volume=2.0)
    over = [*whole[:16], split, *halves[16:]]
    found, wanted = (run(small(), events) for events in (over, whole))
    assert [(one.ts_event, one.direction) for one in found] == [
        (one.ts_event, one.direction) for one in wanted
    ]
    check(small, over)


def test_each_instrument_has_its_own_averages() -> None:
    spy, qqq = bars("SPY", START, V_SHAPE), bars("QQQ", START, [x * 10 for x in V_SHAPE])
    mixed = [event for pair in zip(spy, qqq, strict=True) for event in pair]
    found = run(small(), mixed)
    assert [(s.instrument, s.direction) for s in found] == [
        ("SPY", "long"),
        ("QQQ", "long"),
        ("SPY", "short"),
        ("QQQ", "short"),
    ]


def test_other_timeframes_and_other_events_are_passed_over() -> None:
    others: list[MarketEvent] = [
        *bars("SPY", START, V_SHAPE, timeframe="1d"),
        Trade(ts_event=1, instrument="SPY", price=1, size=1),
        Quote(ts_event=1, instrument="SPY", bid=1, ask=1),
        ClockTick(ts_event=1),
    ]
    assert run(small(), others) == []
    daily = EmaCross(fast=2, slow=4, timeframe="1d")
    assert len(run(daily, others)) == 2


@pytest.mark.parametrize(("fast", "slow"), [(48, 13), (13, 13), (0, 5)])
def test_lengths_that_make_no_sense_are_refused(fast: int, slow: int) -> None:
    with pytest.raises(ValueError, match="fast should be the shorter one"):
        EmaCross(fast=fast, slow=slow)


Closes = st.lists(st.floats(1, 1000), max_size=60)


@given(Closes)
def test_it_survives_a_crash_after_any_event(closes: list[float]) -> None:
    check(small, bars("SPY", START, closes))


@given(st.lists(st.floats(1, 1000), min_size=5, max_size=60), st.integers(1, 5))
def test_the_average_is_the_exponential_one_seeded_with_the_simple_one(
    prices: list[float], length: int
) -> None:
    average = Average(length)
    for price in prices:
        average.add(price)
    expected = float(np.mean(prices[:length]))
    for price in prices[length:]:
        expected += 2 / (length + 1) * (price - expected)
    assert average.value == pytest.approx(expected, rel=1e-12)
    assert average.ready
