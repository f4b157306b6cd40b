"""Expressions: what is wrong with one is said with its place and code."""

import pytest

from whispr_daemon.rules.load import RuleFile, load


def told(text: str) -> list[str]:
    return [str(found) for found in load([RuleFile("t.yaml", text)]).diagnostics]


def condition(expression: str) -> list[str]:
    return [
        text.split(": ", 1)[1]
        for text in told(f"name: r\nlogic:\n  - if: '{expression}'\n    then: ['emit:X']\n")
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("price > .38", "E102 unexpected '.' (write 0.38, or atr.38 for a level)"),
        ("price = 1", "E102 unexpected '=' (use '==')"),
        ("", "expected at least 1 character(s)"),
        ("price > 25:00", "E102 25:00 is not a time of day"),
        ("(" * 61 + "price" + ")" * 61, "E304 a condition is needed here, this is a num"),
        ("not " * 70 + "true", "E103 nested more than 60 deep"),
        ("$x > 1", "E202 unknown parameter '$x'"),
        ("EMA0 > 1", "E203 EMA of 0 bars; a length is 1 to 5000"),
        ("atr.trigger.left > 1", "E211 unknown level 'atr.trigger.left'"),
        ("atr.triger > 1", "E211 unknown level 'atr.triger' (did you mean 'trigger'?)"),
        ("atr.-40 > 1", "E212 atr.-40 is not on the ladder (nearest: atr.-38)"),
        ("cross(price)", "E221 cross takes 2 arguments, not 1"),
        ("cross(a=price, b=EMA13)", "E222 cross takes its arguments by place, not by name"),
        ("ema(price, EMA13) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, 1.5) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, na) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, 1e999) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, 09:30) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, true) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, -3) > 1", "E203 EMA of -3 bars; a length is 1 to 5000"),
        ("price crosses above true", "E301 cross_up needs a number here, this is a bool"),
        ("atr.level.day(0.4) > 1", "E220 unknown function 'atr.level.day'"),
        ("atr.level(na) > 1", "E305 atr.level takes a ratio written as a number"),
        ("atr.level(2%, 1) > 1", "E221 atr.level takes 1 argument, not 2"),
        ("price[1.5] > 1", "E305 [1.5]: bars back are a whole number, at most 5000"),
        ("atr.level(price) > 1", "E305 atr.level takes a ratio written as a number"),
        ("price + true > 1", "E301 arithmetic needs a number here, this is a bool"),
        ("cross(price, 09:30)", "E301 cross needs a number here, this is a time"),
        ("price > 1 and price", "E304 a condition is needed here, this is a num"),
        ("(price > 1) == true", "E303 cannot compare a bool"),
        ("price == \"a\"", "E303 cannot compare num with str"),
        ("cross(atr.38, 10)", "W302 two levels never cross"),
    ],
)  # fmt: skip
def test_mistakes_of_an_expression(expression: str, expected: str) -> None:
    assert any(expected in found for found in condition(expression)), condition(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "touch(atr.38)",
        "crossover(price, EMA13)",
        "macd(12,26,9).hist > 0",
        "EMA13@5m > 1",
        "WMA20 > 1",
        "session.high > 1",
        "time > 09:30",
        "minutes_since_open > 5",
        "atr.multiday.38 > 1",
        "atr.multiday.level(0.4) > 1",
        "position.qty > 0",
        "atr.38[1] > 1",
        "5m > 1m",
    ],
)
def test_expressions_the_language_has_and_this_version_has_not(expression: str) -> None:
    assert [found[:4] for found in condition(expression)] == ["E290"]


def test_places_within_quoted_and_folded_texts() -> None:
    double = 'name: r\nlogic: [{if: "price > \\"a\\" &", then: ["emit:X"]}]'
    assert told(double) == ["t.yaml:2:29: E100 unexpected character '&' (use 'and')"]
    folded = (
        "name: r\nlogic:\n  - then: ['emit:X']\n    if: >\n      price > 1 and\n      prcie > 2\n"
    )
    assert told(folded) == ["t.yaml:6:7: E201 unknown name 'prcie' (did you mean 'price'?)"]
