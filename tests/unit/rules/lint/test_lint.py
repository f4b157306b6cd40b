"""Remarks on rules that are right: each has its code and place, and none stops the rule."""

import pytest

from whispr_daemon.rules.load import RuleFile, load


def remarks(text: str, tests: str = "t.test.yaml") -> list[str]:
    files = [RuleFile("t.yaml", text), RuleFile(tests, "tests: []")]
    found = load(files)
    assert [rule.name for rule in found.rules] == ["t"], found.diagnostics
    return [str(one).removeprefix("t.yaml:") for one in found.diagnostics]


def of(clause: str, more: str = "") -> list[str]:
    return remarks(f"name: t\n{more}logic:\n  - {{{clause}, then: ['emit:X']}}\n")


@pytest.mark.parametrize(
    ("condition", "column"),
    [
        ("RSI14 > 100", 11),
        ("RSI14 >= 101 - 0.5", 11),
        ("sma(RSI14, 3) < 0", 11),
        ("RSI14@5m < 0", 11),
        ("price > 1 and RSI14 < 0", 25),
        ("price > 5 and price < 3", 11),
        ("price > 5 and price <= 5", 11),
        ("5 < price and price == 4", 11),
        ("price == na", 11),
        ("1 > 2", 11),
        ("not 1 < 2", 11),
        ("false or 1 == 2", 11),
        ("weekday == 9", 11),
        ("count('X') < 0", 11),
        ("abs(price) < 0", 11),
        ("-RSI14 > 1", 11),
        ("stoch(14, 3, 3).k > 100", 11),
        ("sma(stoch(14, 3, 3).d, 3) < 0", 11),
        ("mfi(14)@5m < 0", 11),
        ("adx(14) > 100", 11),
        ("di_plus(14) < 0 or di_minus(14) > 100", 11),
        ("bb(20, 2).width < 0", 11),
        ("volume < 0", 11),
        ("atr.pct < 0", 11),
        ("count_true(price > 1, 5) > 5", 11),
        ("clamp(price, 1, 3) > 3", 11),
        ("max(RSI14, 50) < 50", 11),
        ("if(price > 1, RSI14, 30) > 100", 11),
        ("supertrend(10, 3).dir > 1", 11),
        ("bars_since(price > 1) < 0", 11),
        ("close > high", 11),
        ("price > price", 11),
        ("low > ohlc4", 11),
        ("cross_up(RSI14, 100)", 11),
        ("RSI14 crosses below 0", 11),
    ],
)
def test_a_condition_that_can_never_be_true(condition: str, column: int) -> None:
    assert of(f'if: "{condition}"') == [f"3:{column}: W302 this can never be true"]


@pytest.mark.parametrize(
    "condition",
    [
        "RSI14 >= 100",
        "RSI14 > 30 and RSI14 < 70",
        "price > 5 and price >= 5",
        "price > 5 or price < 3",
        "price != 5",
        "RSI14 * 2 > 150",
        "EMA13 > EMA48",
        "time > 09:30 and time < 16:00",
        "price / 0 > 1",
        "cci(20) > 300",
        "stoch(14, 3, 3).k > 99",
        "po() > 200",
        "macd(12, 26, 9).hist < 0",
        "close >= high",
        "close > open",
        "close > high[1]",
        "close > highest(high[1], 20)",
        "close >= highest(close, 20)",
        "low@5m > high",
        "cross_up(RSI14, 30)",
        "cross(close, highest(high[1], 20))",
    ],
)
def test_a_condition_that_can_be_true(condition: str) -> None:
    assert of(f'if: "{condition}"') == []


@pytest.mark.parametrize(
    ("condition", "instead"),
    [
        ("price > highest(high, 20)", "highest(high, 20) has this bar in it; "
         "of the bars before it is highest(high[1], 20)"),
        ("close < LOWEST5", "lowest(low, 5) has this bar in it; "
         "of the bars before it is lowest(low[1], 5)"),
        ("cross_up(close, donchian(9).upper)", "highest(high, 9) has this bar in it; "
         "of the bars before it is highest(high[1], 9)"),
    ],
)  # fmt: skip
def test_an_extreme_that_has_the_bar_itself_in_it_is_never_broken(
    condition: str, instead: str
) -> None:
    (found,) = of(f'if: "{condition}"')
    assert found == f"3:11: W302 this can never be true: {instead}"


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ('if: "forming(EMA13@5m) > 1"', "W310 forming(…) repaints"),
        ('if: "price > 1", evaluate: tick', "W311 evaluated on ticks"),
        ('if: "price > 1", for: 10s', "W320 'for' is shorter than a bar of 1m"),
        ('sequence: [{a: "price > 1"}], within: 7h', "W321 'within' is longer than a session"),
        ('if: "crossover(price, EMA13)"', "W202 crossover is TradingView's"),
    ],
)
def test_what_else_is_odd_about_a_clause(clause: str, expected: str) -> None:
    (found,) = of(clause)
    assert expected in found


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ('if: "cross_up(price, 5)", for: 2m', True),
        ('if: "touch_new(5) and price > 4", for: 1m', True),
        ('sequence: [{a: "price > 1"}, {b: "price > 2"}], for: 1m', True),
        ('if: "touch(5)", for: 2m', False),
        ('if: "cross_up(price, 5) or cross_down(price, 5)", for: 2m', False),
        ('sequence: [{a: "price > 1"}], for: 1m', False),
    ],
)
def test_what_happens_at_one_evaluation_never_lasts(clause: str, found: bool) -> None:
    remark = "W302 what happens at one evaluation never holds 'for' so long"
    assert any(remark in one for one in of(clause)) is found


def test_pines_crosses_are_explained_once() -> None:
    clause = "  - {if: 'crossover(price, EMA13) or crossunder(price, EMA13)', then: ['emit:%s']}\n"
    found = remarks(f"name: t\nlogic:\n{clause % 'X'}{clause % 'Y'}")
    assert [one[:10] for one in found] == ["3:11: W202"]


def test_an_entry_without_stop_or_pause() -> None:
    order = "name: t\nlogic:\n  - {if: price > 1, %sthen: [{order: {side: buy, qty: 1%s}}]}\n"
    assert [
        "an entry without a stop and a cooldown" in one for one in remarks(order % ("", ""))
    ] == [True]
    assert remarks(order % ("cooldown: 5m, ", ", stop: price - 1")) == []


def test_one_signal_from_one_condition_twice() -> None:
    clause = "  - {if: price > 1, then: ['emit:X']}\n"
    (found,) = remarks(f"name: t\nlogic:\n{clause}{clause}")
    assert found == "4:29: W303 logic[0] emits X from the same condition"


def test_what_is_declared_and_not_used() -> None:
    more = (
        "inputs: {refs: {spy: SPY}, indicators: {f: {type: EMA, length: 9}}}\n"
        "params: {a: 1, b: 2}\nvars: {v: {}}\nlet: {l: price, m: l}\n"
    )
    found = of('if: "price > $a and m > 1"', more)
    assert [one.partition("W101 ")[2].split()[0] for one in found] == ["spy", "f", "$b", "v"]


def test_a_rule_without_tests() -> None:
    text = "name: t\nlogic:\n  - {if: price > 1, then: ['emit:X']}\n"
    assert remarks(text) == []
    assert [one[:9] for one in remarks(text, "other.test.yaml")] == ["1:7: W340"]


@pytest.mark.parametrize(
    ("condition", "side", "told"),
    [
        ("position.qty > 0 and price > 5", "sell", False),
        ("position.side == 'long' and price > 5", "sell", False),
        ("position.qty < 0 and price > 5", "buy", False),
        ("position.qty == 0 and price > 5", "buy", True),
        ("position.qty > 0 and price > 5", "buy", True),
        ("position.side == 'short' and price > 5", "sell", True),
    ],
)
def test_an_order_that_makes_a_position_smaller_is_no_entry(
    condition: str, side: str, told: bool
) -> None:
    order = f"{{order: {{side: {side}, qty: 5}}}}"
    text = f'name: t\nlogic:\n  - {{if: "{condition}", then: [{order}]}}\n'
    assert any("W330" in one for one in remarks(text)) is told
