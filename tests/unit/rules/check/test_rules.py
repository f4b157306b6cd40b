"""Rule files to rules: parameters, names, sequences, limits, actions, and what a digest covers."""

import pytest

from whispr_daemon.rules.actions import Assign, Emit, Intend, Note, Warn
from whispr_daemon.rules.load import Loaded, RuleFile, check_expression, load
from whispr_daemon.rules.nodes import Ladder, Price
from whispr_daemon.rules.rule import Clause, Held, Limit, Rule
from whispr_daemon.rules.tree import canonical, walk

FULL = """\
name: r
mode: shadow
priority: 3
inputs: {timeframe: 5m, refs: {spy: SPY}, atr: {mode: swing, length: 10, anchor: last_trade},
  stale_after: 3bars, missing: carry}
params: {n: {default: 21, min: 2, max: 50}, far: 2%}
vars: {c: {init: 1, reset: day}}
let: {up: "EMA13 > base", base: "ema(close, $n)"}
when: "up"
logic:
  - id: a
    if: "up and spy.close > 1"
    once: session
    max_fires: {count: 3, per: day}
    cooldown: 2bars
    for: 10m
    rearm: "price < 1"
    edge: every
    gap: only
    then: ["emit:S:0.5", "set:c=c + 1", "log:{c}", "flatten", {order: {side: buy, qty: c, stop: 1}}]
  - sequence:
      - first: "cross(price, atr.38)"
      - absent: {if: "price < 1", for: 5m}
      - last: "touch(atr.pdc)"
    within: 1h
    until: "price < 2"
    same_bar: true
    on_timeout: ["alert:warn:late"]
    then: ["emit:T"]
"""


def loaded(text: str, **params: float | str) -> Loaded:
    return load([RuleFile("r.yaml", text)], params={"r": params})


def read(text: str, **params: float | str) -> Rule:
    found = loaded(text, **params)
    assert [str(one) for one in found.errors] == []
    (rule,) = found.rules
    return rule


def test_everything_of_a_file_is_in_its_rule() -> None:
    rule = read(FULL)
    assert (rule.mode, rule.priority, rule.variables) == (
        "shadow", 3, (Held(name="c", init=1.0, reset="day"),),
    )  # fmt: skip
    inputs = rule.inputs
    assert (inputs.timeframe, inputs.refs, inputs.missing) == ("5m", {"spy": "SPY"}, "carry")
    assert inputs.stale_after == 15 * 60_000_000_000
    assert rule.when is not None
    assert canonical(rule.when) == "(ema(close,13)>ema(close,21))"
    first, second = rule.clauses
    assert (first.id, first.mode, first.edge, first.gap) == ("a", "shadow", "every", "only")
    assert (first.cooldown, first.hold) == (600_000_000_000, 600_000_000_000)
    assert first.limits == (
        Limit(name="once", count=1, per="session"), Limit(name="max_fires", count=3, per="day"),
    )  # fmt: skip
    assert first.rearm is not None
    assert [type(action) for action in first.actions] == [Emit, Assign, Note, Intend, Intend]
    sequence = second.sequence
    assert sequence is not None
    assert second.condition is None
    assert [(step.name, step.absent) for step in sequence.steps] == [
        ("first", 0), ("absent1", 300_000_000_000), ("last", 0),
    ]  # fmt: skip
    assert (sequence.within, sequence.same_bar, sequence.overlap) == (
        3_600_000_000_000,
        True,
        False,
    )
    assert sequence.until is not None
    assert [type(action) for action in second.on_timeout] == [Warn]
    level = next(node for node in walk(sequence.steps[0].condition) if hasattr(node, "ladder"))
    assert level.ladder == Ladder(mode="swing", length=10, anchor="last_trade")


def test_an_order_keeps_what_is_written_and_evaluates_its_expressions() -> None:
    order = read(FULL).clauses[0].actions[4]
    assert isinstance(order, Intend)
    assert order.written == {"side": "buy", "qty": "c", "stop": 1}
    assert [(key, canonical(node)) for key, node in order.expressions] == [("qty", "var c")]


def test_on_ticks_a_clause_fires_once_a_bar_unless_it_says_otherwise() -> None:
    text = (
        "name: r\ninputs: {evaluate: tick}\nlet: {p: price}\nlogic:\n"
        "  - {if: p > 1, then: ['emit:X']}\n"
        "  - {if: p > 1, once: day, then: ['emit:X']}\n"
        "  - {if: p > 1, evaluate: bar_close, then: ['emit:X']}\n"
    )
    ticked, daily, closed = read(text).clauses
    assert ticked.limits == (Limit(name="once", count=1, per="bar"),)
    assert [limit.per for limit in daily.limits] == ["day"]
    assert closed.limits == ()
    assert _price(ticked) == "price"
    assert _price(closed) == "close"


def _price(clause: Clause) -> str:
    (price,) = (node for node in walk(clause.conditions[0]) if isinstance(node, Price))
    return price.field


def test_a_parameter_from_outside_takes_the_place_of_its_default() -> None:
    rule = read(FULL, n=9)
    assert rule.when is not None
    assert canonical(rule.when) == "(ema(close,13)>ema(close,9))"
    assert rule.hash != read(FULL).hash


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("n", 51, "E513 n is 51; the most it may be is 50"),
        ("n", "5m", "E513 n is set to '5m'; expected a num"),
        ("m", 5, "E513 the rule has no parameter 'm'"),
    ],
)
def test_a_parameter_from_outside_must_fit(name: str, value: float | str, expected: str) -> None:
    (found,) = loaded(FULL, **{name: value}).errors
    assert expected in str(found)


def test_an_expression_beside_a_rule_has_its_names() -> None:
    file = RuleFile("r.yaml", FULL)
    node = check_expression(file, "base + c", params={"n": 5}).node
    assert node is not None
    assert canonical(node) == "(ema(close,5)+var c)"
    assert check_expression(file, "bse").findings[0].message.endswith("(did you mean 'base'?)")


def test_a_universe_is_its_symbols() -> None:
    text = "name: r\ninputs: {universe: u}\nlogic: [{if: price > 1, then: ['emit:X']}]\n"
    (rule,) = load([RuleFile("r.yaml", text)], universes={"u": ["A", "B"]}).rules
    assert rule.inputs.symbols == ("A", "B")


def test_an_indicator_by_a_name_of_its_own() -> None:
    text = (
        "name: r\nparams: {n: 9}\n"
        "inputs: {indicators: {f: {type: EMA, length: $n, source: hl2, tf: 5m, symbol: QQQ}}}\n"
        "logic: [{if: f > 1, then: ['emit:X']}]\n"
    )
    (condition,) = read(text).clauses[0].conditions
    assert canonical(condition) == "(QQQ:ema(hl2,9)@5m>1.0)"


# --- digests
CHANGES_A = [
    ("EMA13 > base", "EMA14 > base"),
    ("default: 21", "default: 22"),
    ("timeframe: 5m", "timeframe: 1m"),
    ("init: 1", "init: 2"),
    ("when: \"up\"", "when: \"not up\""),
    ("SPY", "QQQ"),
    ("cooldown: 2bars", "cooldown: 3bars"),
    ("price < 1\"\n    edge", "price < 3\"\n    edge"),
    ("log:{c}", "log:{c:.1f}"),
    ("gap: only", "gap: include"),
]  # fmt: skip
CHANGES_B = [
    ("name: r", "name: q"),
    ("priority: 3", "priority: 4"),
    ("far: 2%", "far: 3%"),
    ("length: 10", "length: 11"),
    ("within: 1h", "within: 2h"),
    ("let: {up", "let: {unused: price, up"),
    ("up and spy.close > 1", "up  and\tspy.price>1"),
    ("name: r", "name: r\ndescription: other\nx-mine: 1"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES_A)
def test_a_clause_starts_anew_when_what_it_means_changes(old: str, new: str) -> None:
    assert old in FULL
    assert read(FULL.replace(old, new)).clauses[0].digest != read(FULL).clauses[0].digest


@pytest.mark.parametrize(("old", "new"), CHANGES_B)
def test_a_clause_lives_on_when_other_things_change(old: str, new: str) -> None:
    assert old in FULL
    assert read(FULL.replace(old, new)).clauses[0].digest == read(FULL).clauses[0].digest
