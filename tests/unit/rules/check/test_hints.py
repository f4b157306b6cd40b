"""What a mistake says of what would be right, to people who come from other languages."""

import pytest

from whispr_daemon.rules.load import RuleFile, load

TEXT = """\
name: {name}
inputs: {{timeframe: "1m"}}
logic:
  - if: {condition}
    cooldown: {cooldown}
    then: {then}
"""


def mistake(
    condition: str = "price > 1",
    name: str = "r",
    cooldown: str = "5m",
    then: str = '["emit:S"]',
) -> str:
    quoted = '"' + condition + '"'
    text = TEXT.format(name=name, condition=quoted, cooldown=cooldown, then=then)
    found, *_ = load([RuleFile("r.yaml", text)]).errors
    return found.message


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("ta.crossover(close, EMA13)", "crossover(a, b)"),
        ("strategy.position_size > 0", "position.qty"),
        ("avg(close, 3) > 1", "did you mean 'sma'?"),
        ("hour == 10", "time >= 10:00"),
        ("price > sma(20)", "sma(x, length), such as sma(close, 20) or SMA20"),
        ("price > EMA13 AND price > 1", "use 'and'"),
        ("close > close[-1]", "close[1] is one bar earlier"),
        ("time > 9:45", "written 09:45"),
        ("compressed()[1]", "write if(condition, 1, 0)[1] == 1"),
        ("EMA13@5min > 3", "a timeframe is 30s, 1m, 5m"),
        ("price > 3 ? 1 : 0", "if(condition, yes, no)"),
    ],
)
def test_an_expression_of_another_language(condition: str, hint: str) -> None:
    assert hint in mistake(condition)


def test_keys_of_another_language() -> None:
    assert mistake(cooldown="30 minutes").endswith("(did you mean '30m'?)")
    assert mistake(name="my rule").endswith("(did you mean 'my_rule'?)")
    assert mistake(then="emit:S").endswith('expected a list: ["emit:S"]')


def test_a_level_that_is_none_is_told() -> None:
    text = TEXT.format(name="r", condition='"price > 1"', cooldown="5m", then='["alert:warning:x"]')
    loaded = load([RuleFile("r.yaml", text)])
    assert loaded.errors == ()
    (found,) = [one for one in loaded.diagnostics if one.code == "W105"]
    assert found.message.endswith("(did you mean 'warn'?)")
    assert "did you mean 'warn'" in mistake(then="[{alert: {level: warning, message: x}}]")
    plain = text.replace("alert:warning:x", "alert:GG: crossed")
    assert all(one.code != "W105" for one in load([RuleFile("r.yaml", plain)]).diagnostics)


def test_a_few_known_keys_are_listed() -> None:
    text = TEXT.format(name="r", condition='"m > 1"', cooldown="5m", then='["emit:S"]')
    declared = text.replace('"1m"', '"1m", indicators: {m: {type: EMA, periods: 3, colour: red}}')
    (found, *_) = [one for one in load([RuleFile("r.yaml", declared)]).errors if "E501" in str(one)]
    assert found.message == "unknown key 'periods' (known: type, length, source, tf, symbol)"


def test_a_name_that_only_the_definitions_of_others_have_is_free() -> None:
    text = TEXT.format(name="r", condition='"hist > 0"', cooldown="5m", then='["emit:S"]')
    named = text.replace("logic:", 'let: {hist: "macd(3, 5, 2).hist"}\nlogic:')
    assert load([RuleFile("r.yaml", named)]).errors == ()
