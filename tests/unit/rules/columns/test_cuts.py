"""Bars of several timeframes, trades, quotes and clock ticks: however they are cut, the same."""

from collections.abc import Iterator

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.rules.columns.telling import bar, market, quote, telling, tick, trade
from tests.unit.rules.market import daily_row, engine, fold
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.strategy import RulesStrategy

SYMBOLS = ("SPY", "VIX")
LAST = 14  # minutes


def strategy() -> RulesStrategy:
    """Rules of every kind of clock, all told at every evaluation."""
    refs = "refs: {vix: VIX}"
    rules = [
        telling("close", "SMA2", "nz(vix.close, 0)", inputs=f"{{symbols: [SPY], {refs}}}"),
        telling("close", "volume", inputs="{timeframe: 5m}"),
        telling("close", "EMA3", "close@5m", inputs="{missing: carry}"),
        telling("EMA2@5m", "forming(EMA2@5m)", "forming(high@5m)"),
        telling("price", "SMA2", "forming(SMA2)", inputs="{evaluate: tick}"),
        telling("price", "bar_index", inputs="{evaluate: tick, price: mid}"),
        telling("session.high", "premarket.high", "nz(opening_range.low(2m), 0)"),
        telling("close", "close@1d", inputs="{session: eth}"),
        telling("nz(atr.scalp.pdc, 0)", "nz(atr.multiday.pdc, 0)", inputs="{atr: {length: 1}}"),
    ]
    return engine(*(replace(rule, name=f"t{place}") for place, rule in enumerate(rules)))


@st.composite
def markets(draw: st.DrawFn) -> Rows:
    """Minutes around the open and after, in order of time, with holes, echoes and late rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = draw(
        st.sets(st.sampled_from(["1m", "5m", "30s", "trade", "quote", "tick"]), min_size=2)
    )
    holes = draw(st.sampled_from([0.0, 0.3]))
    rows = [daily_row("2026-06-18", 9.0, 7.0, 8.0), daily_row("2026-06-23", 9.0, 7.0, 8.0)]
    for minute in range(-3, LAST):
        clock = f"09:{30 + minute}"
        for code in (1, 0):
            found = list(_minute(clock, minute, code, kinds, rng))
            rows += [row for row in found if rng.random() >= holes]
        if "tick" in kinds:
            rows.append(tick(f"09:{31 + minute}"))
    echoes = draw(st.lists(st.tuples(st.integers(0, len(rows) - 1), st.integers(1, 9)), max_size=5))
    for place, later in echoes:
        rows.insert(min(place + later, len(rows)), rows[place])
    return market(*rows)


def _minute(
    clock: str, minute: int, code: int, kinds: set[str], rng: np.random.Generator
) -> Iterator[Rows]:
    prices = 10.0 + rng.integers(-3, 4, 6)
    if "trade" in kinds:
        yield trade(clock, 5, float(prices[0]), code=code)
        yield trade(clock, 40, float(prices[1]), code=code)
    if "quote" in kinds and code == 0:
        yield quote(clock, 45, float(prices[2]), float(prices[2]) + 1)
    if "30s" in kinds:
        yield bar(clock, float(prices[3]), timeframe="30s", code=code)
        yield bar(clock, float(prices[4]), timeframe="30s", code=code, seconds=30)
    if "1m" in kinds:
        yield bar(clock, float(prices[5]), code=code)
    if "5m" in kinds and minute % 5 == 4:
        yield bar(f"09:{26 + minute}", float(prices[5]), timeframe="5m", code=code)


@settings(max_examples=20, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(markets(), st.lists(st.floats(0, 1), max_size=6))
def test_however_rows_are_cut_and_wherever_it_restarts_nothing_changes(
    rows: Rows, shares: list[float]
) -> None:
    once = strategy()
    whole = fold(once, rows, SYMBOLS)
    cuts = sorted(int(share * len(rows)) for share in shares)
    again = strategy()
    pieces: list[Output] = []
    for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        pieces += fold(again, rows[first:last], SYMBOLS)
        body = again.snapshot()
        again = strategy()
        again.restore(body)
    assert pieces == whole
    assert again.snapshot() == once.snapshot()


@settings(max_examples=8, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(markets())
def test_row_by_row_is_the_same_as_all_at_once(rows: Rows) -> None:
    once, single = strategy(), strategy()
    whole = fold(once, rows, SYMBOLS)
    pieces = [one for at in range(len(rows)) for one in fold(single, rows[at : at + 1], SYMBOLS)]
    assert pieces == whole
    assert single.snapshot() == once.snapshot()
    assert len(whole) > 2
