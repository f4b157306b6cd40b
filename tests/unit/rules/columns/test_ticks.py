"""Evaluation at each trade or quote, and values of the bar in the making."""

import numpy as np

from tests.unit.rules.columns.telling import (
    bar,
    bars,
    market,
    quote,
    same_however_cut,
    telling,
    texts,
    tick,
    told,
    trade,
)

TICK = "{evaluate: tick}"


def test_a_trade_is_an_evaluation_and_bars_are_the_last_complete_ones() -> None:
    rows = market(
        trade("09:30", 10, 5.0), trade("09:30", 50, 6.0), trade("09:31", 0, 7.0),
        trade("09:31", 30, 8.0), trade("09:32", 1, 9.0),
    )  # fmt: skip
    outputs = same_however_cut(telling("price", "close", "volume", inputs=TICK), rows)
    assert [(one.at, one.text) for one in told(outputs)] == [
        ("09:30:10", "5 na na"),
        ("09:30:50", "6 na na"),
        ("09:31:00", "7 6 2"),
        ("09:31:30", "8 6 2"),
        ("09:32:01", "9 8 2"),
    ]


def test_indicators_are_of_complete_bars() -> None:
    rows = market(bars("09:30", "2 4"), trade("09:32", 5, 100.0))
    assert texts(same_however_cut(telling("price", "SMA2", inputs=TICK), rows)) == ["100 3"]


def test_a_tick_of_a_bar_that_is_over_is_no_evaluation() -> None:
    rows = market(
        bar("09:30", 2.0), trade("09:30", 59, 3.0), trade("09:31", 5, 4.0), trade("09:31", 2, 5.0)
    )
    assert texts(same_however_cut(telling("price", inputs=TICK), rows)) == ["4"]


def test_the_price_may_be_of_quotes() -> None:
    rows = market(quote("09:31", 1, 10.0, 12.0), trade("09:31", 2, 99.0))
    for price, said in (("mid", "11"), ("bid", "10"), ("ask", "12"), ("mark", "11")):
        inputs = f"{{evaluate: tick, price: {price}}}"
        assert texts(same_however_cut(telling("price", inputs=inputs), rows)) == [said]


def test_outside_the_session_there_is_no_evaluation() -> None:
    rows = market(trade("09:29", 59, 1.0), trade("09:30", 0, 2.0), trade("16:00", 0, 3.0))
    assert texts(same_however_cut(telling("price", inputs=TICK), rows)) == ["2"]


def test_the_clock_closes_the_bar_that_a_tick_sees() -> None:
    rows = market(trade("09:30", 1, 5.0), tick("09:31"), trade("09:31", 5, 6.0))
    assert texts(same_however_cut(telling("close", inputs=TICK), rows))[-1] == "5"


def test_levels_roll_at_the_first_tick_of_a_session() -> None:
    inputs = "{evaluate: tick, atr: {length: 1}}"
    day = np.array(bars("09:30", " ".join(["5"] * 390), day="2026-06-23"))
    rows = market(day, trade("09:30", 0, 7.0))
    assert texts(same_however_cut(telling("atr.pdc", "atr.value", inputs=inputs), rows))[-1] == (
        "5 2"
    )


# --- forming
def test_a_forming_value_has_the_bar_in_the_making() -> None:
    rows = bars("09:30", "1 2 3 4 5 6 7 8 9 10 11")
    rule = telling("forming(close@5m)", "forming(SMA2@5m)", "SMA2@5m")
    said = texts(same_however_cut(rule, rows))
    assert said == ["10 7.5 7.5", "11 10.5 7.5"]


def test_a_forming_average_leaves_the_complete_one_as_it_was() -> None:
    rows = bars("09:30", " ".join(map(str, range(1, 21))))
    said = texts(same_however_cut(telling("forming(EMA2@5m) - EMA2@5m", "close"), rows))
    ends = [text for text in said if text.split()[1] in ("10", "15", "20")]
    assert [text.split()[0] for text in ends] == ["0", "0", "0"]
    assert len({text.split()[0] for text in said}) > 3


def test_the_forming_bar_of_a_tick_has_the_tick() -> None:
    rows = market(
        bars("09:30", "2 4"), trade("09:32", 5, 10.0), trade("09:32", 9, 20.0), bar("09:32", 6.0),
        trade("09:33", 1, 8.0),
    )  # fmt: skip
    rule = telling("forming(SMA2)", "forming(high)", "SMA2", inputs=TICK)
    assert texts(same_however_cut(rule, rows)) == ["7 10 3", "12 20 3", "7 8 5"]


def test_at_the_close_of_its_own_bar_nothing_is_forming() -> None:
    assert texts(same_however_cut(telling("forming(close)"), bars("09:30", "1 2"))) == ["1", "2"]
