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
        ("cross(a=price, c=EMA13)", "E222 cross has no argument 'c'"),
        ("cross(a=price, a=EMA13)", "E222 cross has twice 'a'"),
        ("cross(a=price, EMA13)", "E222 arguments without a name stand before those with one"),
        ("cross(price, a=EMA13)", "E222 cross has its a twice"),
        ("cross(price, b=EMA13, b=1)", "E222"),
        ("ema(price) > 1", "E221 ema takes 2 arguments, not 1"),
        ("ema(x=price) > 1", "E221 ema needs its length"),
        ("count(a=1) > 1", "E222 count takes its arguments by place"),
        ("count(\"S\", week) > 1", "E305 count takes session, day or a duration"),
        ("since(S) > 1m", "E305 since takes a signal"),
        ("macd(12, 26, 9) > 1", "E204 macd has .line, .signal, .hist"),
        ("macd(12, 26, 9).hits > 1", "E204 macd has .line, .signal, .hist, not .hits (did"),
        ("macd.hist > 1", "E221 macd is a function: write macd(fast, slow, smooth"),
        ("ribbon.stat == \"bull\"", "E204 ribbon has .state, .bias, not .stat (did you mean"),
        ("ribbon.state == \"bul\"", "E305 \'bul\' is none of bull, bear, mixed (did you"),
        ("ribbon.state > \"bull\"", "E303 texts are not ordered (use == or !=, not >)"),
        ("position.side == ribbon.state", "E303 cannot compare these two texts"),
        ("weekday == \"mon day\"", "E305 \'mon day\' is no day of the week (did you mean"),
        ("date == \"2026-13-01\"", "E305 \'2026-13-01\' is no date such as 2026-06-24"),
        ("session.hihg > 1", "E201 unknown name \'session.hihg\' (did you mean \'session.high\'?)"),
        ("session > 1", "E201 'session' alone is no value: session.open, session.high"),
        ("spy.close > 1", "E201 unknown name 'spy' (other symbols are named in inputs.refs"),
        ("EMA > 1", "E221 ema is a function: write ema(x, length), or EMA20"),
        ("macd > 1", "E221 macd is a function: write macd(fast, slow, smooth).line"),
        ("price.38 > 1", "E204 nothing stands behind the dot of 'price' (levels are written"),
        ("atr.swing.40 > 1", "E212 atr.swing.40 is not on the ladder (nearest: atr.swing.38)"),
        ("price crosses over 3", "E102 unexpected '3' (write crosses, crosses above or crosses"),
        ("macd(2, 4, 3)@5m.hist > 1", "E204 the timeframe comes last: ….hist@5m"),
        ("price Crosses 3", "E102 unexpected 'Crosses' (use 'crosses')"),
        ("price > \u201c3", "E100 unexpected character '\u201c' (write plain quotes: 'S')"),
        ("opening_range.high > 1", "E305 opening_range.high takes how long it is"),
        ("opening_range.high(90s) > 1", "E305 opening_range.high takes how long it is"),
        ("EMA13@90s > 1", "E307 @90s is not made of whole bars of the rule\'s timeframe, 1m"),
        ("EMA13@30s > 1", "E307 @30s is not made of whole bars"),
        ("EMA13@5mo > 1", "E307 @5mo is not a timeframe (months: 1mo, 2mo,"),
        ("EMA13@2d > 1", "E307 @2d is not a timeframe"),
        ("ema(close@5m, 3)@15m > 1", "E306 what stands on another timeframe or symbol"),
        ("touch(EMA13)@5m", "E306 touch cannot stand on @5m"),
        ("position.qty@5m > 1", "E306 position.qty cannot stand on @5m"),
        ("forming(EMA13@5m)@15m > 1", "E306"),
        ("ema(position.qty, 3) > 1", "E308 an indicator is made of prices and indicators"),
        ("(price > 1).high", "E204"),
        ("price.high > 1", "E204 nothing stands behind the dot of 'price'"),
        ("since(\"S\") > 30", "E303 cannot compare dur with num"),
        ("between(time, 09:30, 5) and true", "E303 between cannot take num and time together"),
        ("price > 99999999999999999d", "E102"),
        ("price > 1e999", "E102 1e999 is too large a number"),
        ("hist(close, 3) > 1", "E220 unknown function"),
        ("ema(price, EMA13) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, 1.5) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, na) > 1", "E305 ema takes its length as a whole number"),
        ("ema(price, 1e999) > 1", "E102 1e999 is too large a number"),
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


def test_places_within_quoted_and_folded_texts() -> None:
    double = 'name: r\nlogic: [{if: "price > \\"a\\" &", then: ["emit:X"]}]'
    assert told(double) == ["t.yaml:2:29: E100 unexpected character '&' (use 'and')"]
    folded = (
        "name: r\nlogic:\n  - then: ['emit:X']\n    if: >\n      price > 1 and\n      prcie > 2\n"
    )
    assert told(folded) == ["t.yaml:6:7: E201 unknown name 'prcie' (did you mean 'price'?)"]
