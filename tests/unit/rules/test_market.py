"""Three symbols over three sessions: what comes out depends on the market and on nothing else.

The sessions are those around Thanksgiving 2013: a whole day, a half day after a holiday, and the
Monday after a weekend. Minutes are missing, a daily bar is too, and bars come before the open and
after the half day's close.
"""

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.bars import bar_rows, ns
from tests.unit.rules.market import daily_row, engine, fold, rule_of
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.timeframe import DAILY, MINUTE
from whispr_daemon.rules.strategy import RulesStrategy

SYMBOLS: Final = ("SPY", "QQQ", "IWM")
SESSIONS: Final = ("2013-11-27", "2013-11-29", "2013-12-02")
CLOSES: Final = {"2013-11-29": "13:00"}
HISTORY: Final = ("2013-11-22", "2013-11-25", "2013-11-26")
SPARE: Final = 5  # minutes on both sides of a session
WHOLE: Final = 10_000

Shares: TypeAlias = list[tuple[int, int]]


class Market(NamedTuple):
    """The bars that come in time, in order, and those that come too late."""

    rows: Rows
    late: Rows


def market(seed: int, holes: float, lost: tuple[int, str]) -> Market:
    """A random walk without a part of its minutes, and without the daily bar of (code, date)."""
    rng = np.random.default_rng(seed)
    parts = [_daily(day, code, 100.0 + code) for day in HISTORY for code in (2, 0, 1)]
    price = np.array([100.0, 101.0, 102.0])
    for day in SESSIONS:
        minutes = _minutes(day, price + rng.normal(0, 1, 3), rng)
        price = minutes["close"][-3:]
        parts.append(minutes)
        parts += [_daily(day, code, price[code]) for code in range(3) if (code, day) != lost]
    rows = np.concatenate(parts)
    missing = (rng.random(len(rows)) < holes) & (rows["timeframe"] != DAILY)
    return Market(rows[~missing], rows[missing])


def _daily(day: str, code: int, close: float) -> Rows:
    row = daily_row(day, close + 1.0, close - 1.0, close)
    row["instrument"] = code
    return row


def _minutes(day: str, price: Any, rng: np.random.Generator) -> Rows:
    """Minute by minute the bars of all symbols, from before the open to after the close."""
    first = ns(day, "09:30") - SPARE * MINUTE
    last = ns(day, CLOSES.get(day, "16:00")) + SPARE * MINUTE
    ends = np.arange(first + MINUTE, last + 1, MINUTE)
    walk = price + rng.normal(0, 0.15, (len(ends), 3)).cumsum(axis=0)
    rows = np.repeat(bar_rows([(0, 1.0, 1.0, 1.0, 1.0)]), walk.size)
    rows["ts"], rows["instrument"] = np.repeat(ends, 3), np.tile(np.arange(3), len(ends))
    rows["close"] = walk.reshape(-1)
    rows["open"] = np.concatenate([price, walk[:-1].reshape(-1)])
    rows["high"] = np.maximum(rows["open"], rows["close"]) + 0.05
    rows["low"] = np.minimum(rows["open"], rows["close"]) - 0.05
    return rows


def rules() -> RulesStrategy:
    """Rules of every kind this version has."""
    atr = "{symbols: ['*'], atr: {length: 2}}"
    return engine(
        rule_of("cross(atr.38, price)", "cross_down(price, atr.-38)", name="gate", inputs=atr),
        rule_of("price > atr.pdc", "atr.pct > 90 and not (price < atr.61)", name="pos", inputs=atr),
        rule_of("EMA13 >= EMA48", "EMA13 < EMA48", name="ribbon", inputs="{symbols: [QQQ, IWM]}"),
        rule_of("cross(RSI5, 50) or cross(price[3], SMA5)", name="series"),
        rule_of("close > ema(hl2, 9)", name="early", inputs="{session: eth}"),
        rule_of("ATR5 > rma(high - low, 5)", name="always", inputs="{session: 24x7}"),
    )


def with_echoes(market: Market, repeats: Shares, lates: Shares) -> Rows:
    """The same market with rows again, and with bars after a session's last of their symbol.

    Each echo is two shares, in ten-thousandths: which row, and how far on it comes.
    """
    rows = market.rows
    echoes: list[tuple[int, Rows]] = []
    for which, where in repeats:
        row = which * (len(rows) - 1) // WHOLE
        place = row + (len(rows) - 1 - row) * where // WHOLE
        echoes.append((place, rows[row : row + 1]))
    ends = [ns(day, CLOSES.get(day, "16:00")) for day in SESSIONS]  # seen by every clock
    for which, where in lates if len(market.late) else ():
        row = which * (len(market.late) - 1) // WHOLE
        late = market.late[row : row + 1]
        newer = (rows["instrument"] == late["instrument"]) & (rows["ts"] > late["ts"])
        (places,) = (newer & (rows["timeframe"] != DAILY) & np.isin(rows["ts"], ends)).nonzero()
        if len(places):
            first = int(places[0])
            echoes.append((first + (len(rows) - 1 - first) * where // WHOLE, late))
    parts, start = [], 0
    for place, row in sorted(echoes, key=lambda echo: echo[0]):
        parts += [rows[start : place + 1], row]
        start = place + 1
    return np.concatenate([*parts, rows[start:]])


share = st.integers(0, WHOLE)
shares = st.lists(st.tuples(share, share), max_size=12)


@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**32),
    holes=st.sampled_from([0.0, 0.05, 0.5]),
    lost=st.tuples(st.integers(0, 2), st.sampled_from(SESSIONS)),
    echoes=st.tuples(shares, shares),
    cuts=st.lists(share, max_size=8),
)
def test_cuts_restarts_repeats_and_late_bars_change_nothing(
    seed: int, holes: float, lost: tuple[int, str], echoes: tuple[Shares, Shares], cuts: list[int]
) -> None:
    made = market(seed, holes, lost)
    once = rules()
    whole = fold(once, made.rows, SYMBOLS)
    rows = with_echoes(made, *echoes)
    places = [cut * len(rows) // WHOLE for cut in sorted(cuts)]
    strategy = rules()
    pieces: list[Output] = []
    for first, last in zip([0, *places], [*places, len(rows)], strict=True):
        pieces += fold(strategy, rows[first:last], SYMBOLS)
        body = strategy.snapshot()
        strategy = rules()
        strategy.restore(body)
    assert pieces == whole
    assert strategy.snapshot() == once.snapshot()


def test_row_by_row_is_the_same_as_all_at_once() -> None:
    rows = market(7, 0.02, (0, "2013-11-27")).rows
    strategy = rules()
    pieces = [
        said for at in range(len(rows)) for said in fold(strategy, rows[at : at + 1], SYMBOLS)
    ]
    assert pieces == fold(rules(), rows, SYMBOLS)


@pytest.mark.parametrize("seed", range(3))
def test_the_market_is_one_to_test_with(seed: int) -> None:
    rows = market(seed, 0.05, (0, "2013-11-29")).rows
    opening = (rows["instrument"] == 0) & (rows["ts"] == ns("2013-11-29", "09:31"))
    said = fold(rules(), rows[~opening], SYMBOLS)
    assert len({(one.origin, one.instrument) for one in said}) >= 14  # of 17
    monday = {
        one.instrument
        for one in said
        if one.origin in ("gate", "pos") and one.ts_event > ns("2013-12-02", "09:00")
    }
    assert monday <= {"QQQ", "IWM"}  # the half day of SPY has no daily bar and was not seen whole
    assert monday
    within = [one.ts_event for one in said if one.origin == "series"]
    assert any(ns("2013-11-29", "12:00") < ts <= ns("2013-11-29", "13:00") for ts in within)
    assert not any(ns("2013-11-29", "13:00") < ts <= ns("2013-12-02", "09:30") for ts in within)
