"""What names, calls and other clocks stand for: expressions to typed trees."""

import pytest

from whispr_daemon.rules.check.expression import check
from whispr_daemon.rules.check.scope import Given, Scope, Vocabulary
from whispr_daemon.rules.nodes import AsOf, Const, Named, Said, Series, Type
from whispr_daemon.rules.tree import canonical, walk

NAMES = Vocabulary(
    parameters={"n": Given(Type.NUM, 21.0), "d": Given(Type.DUR, 60e9)},
    variables=frozenset(["held"]),
    refs={"spy": "SPY"},
)


def meant(text: str, scope: Scope | None = None) -> str:
    checked = check(text, scope or Scope(vocabulary=NAMES))
    assert checked.node is not None, checked.findings
    return canonical(checked.node)


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("EMA13", "ema(close, 13)"),
        ("ema13", "ema(length=13, x=close)"),
        ("HIGHEST20", "highest(high, 20)"),
        ("LOWEST20", "lowest(low, 20)"),
        ("ATR", "atr(14)"),
        ("ema(close, $n)", "EMA21"),
        ("EMA13@1m", "EMA13"),
        ("EMA13@60m", "EMA13@1h"),
        ("EMA13@5m[1]", "EMA13[1]@5m"),
        ("spy.EMA13@5m", "spy.ema(close, 13)@5m"),
        ("atr.38", "atr.day.38.up"),
        ("atr.-62", "atr.61.down"),
        ("price crosses above EMA13", "cross_up(price, EMA13)"),
        ("30 < RSI14 < 70", "30 < RSI14 and RSI14 < 70"),
        ("weekday == 'Fri'", "weekday == 5"),
        ("date == '2026-06-24'", "date == 20260624"),
        ("position.side in ['long', 'short']", "position.side=='long' or position.side=='short'"),
        ("since('S') > 2bars", "since('S') > 2m"),
        ("count('S')", "count('S', session)"),
        ("count('S', 'day')", "count('S', day)"),
        ("2%", "0.02"),
        ("vwap", "vwap()"),
        ("change(EMA13@5m)", "EMA13@5m - EMA13@5m[1]"),
        ("cross(price, EMA13)@5m", "cross(price@5m, EMA13@5m)"),
    ],
)  # fmt: skip
def test_two_ways_to_say_one_thing(text: str, same_as: str) -> None:
    assert meant(text) == meant(same_as)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("price", Type.NUM),
        ("atr.38", Type.LEVEL),
        ("atr.38 + 1", Type.LEVEL),
        ("atr.38 + price", Type.NUM),
        ("spy.atr.38", Type.LEVEL),
        ("session.open", Type.LEVEL),
        ("session.high", Type.NUM),
        ("held + 1", Type.NUM),
        ("time", Type.TIME),
        ("is_rth", Type.BOOL),
        ("position.age", Type.DUR),
        ("position.side", Type.STR),
        ("ribbon.state", Type.STR),
        ("po()", Type.NUM),
        ("po().zone", Type.STR),
        ("since('S')", Type.DUR),
        ("emitted('S')", Type.EVENT),
        ("emitted('S') and price > 1", Type.EVENT),
        ("not emitted('S')", Type.BOOL),
        ("if(price > 1, 2m, $d)", Type.DUR),
        ("between(time, 09:30, 10:00)", Type.BOOL),
        ("touch(atr.38)", Type.EVENT),
        ("compressed()", Type.BOOL),
        ("sym_ok(spy)", Type.BOOL),
        ("nz(since('S'))", Type.DUR),
    ],
)
def test_types(text: str, kind: Type) -> None:
    node = check(text, Scope(vocabulary=NAMES)).node
    assert node is not None
    assert node.type is kind


def test_another_timeframe_is_asked_of_each_indicator_of_a_composed_one() -> None:
    node = check("macd(12, 26, 9).hist@5m", Scope()).node
    assert node is not None
    asked = [part for part in walk(node) if isinstance(part, AsOf)]
    assert {part.timeframe for part in asked} == {"5m"}
    assert all(isinstance(part.node, Series) for part in asked)


def test_a_word_beside_a_text_is_its_place_among_the_words() -> None:
    node = check("ribbon.state == 'bear'", Scope()).node
    assert node is not None
    (word,) = (part for part in walk(node) if isinstance(part, Const) and part.type is Type.STR)
    assert word.words[int(word.value)] == "bear"


def test_a_let_entry_is_named_and_means_what_it_says() -> None:
    inner = check("EMA13 > 1", Scope()).node
    scope = Scope(vocabulary=Vocabulary(lets={"up": inner}))
    node = check("Up", scope).node
    assert isinstance(node, Named)
    assert canonical(node) == meant("EMA13 > 1")
    assert scope.ledger.names == {"up"}


def test_on_ticks_the_price_is_not_the_close() -> None:
    assert meant("price") == meant("close") == "close"
    assert meant("price", Scope(evaluate="tick")) == "price"


def test_a_signal_is_counted_in_a_session_a_day_or_a_while() -> None:
    node = check("count('S', 30m) > 0", Scope()).node
    assert node is not None
    (said,) = (part for part in walk(node) if isinstance(part, Said))
    assert (said.question, said.signal, said.scope) == ("count", "S", 1_800_000_000_000)


def test_parts_of_a_definition_stand_where_the_call_stands() -> None:
    node = check("1 < macd(12, 26, 9).hist", Scope()).node
    assert node is not None
    places = {(part.start, part.end) for part in walk(node) if isinstance(part, Series)}
    assert places == {(4, 24)}
