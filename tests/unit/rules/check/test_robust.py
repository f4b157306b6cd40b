"""Whatever stands in a file: it is read, quickly, and nothing is raised."""

import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from whispr_daemon.rules.load import Loaded, RuleFile, load

CASES = Path(__file__).parents[1] / "cases"
EXAMPLES = [path.read_text(encoding="utf-8") for path in sorted(CASES.glob("*.yaml"))]
FULL = """\
name: x
inputs:
  timeframe: 5m
  refs: {spy: SPY}
  indicators: {fast: {type: EMA, length: $n, source: hl2, tf: 15m, symbol: spy}}
  atr: {mode: swing}
  evaluate: tick
params: {n: {default: 21, min: 2, max: 50}, d: 30m, t: "09:45", p: 0.5%}
vars: {c: {init: 1, reset: day}}
let: {a: "fast > spy.close", b: "a and not a"}
when: "b or time > $t and ribbon.state == 'bull'"
logic:
  - id: q
    if: "cross(price, atr.38) and since('S') > $d"
    then:
      - "emit:S:0.5"
      - "set:c=c + 1"
      - {emit: T, side: long, data: {k: c}}
      - {target: {pct: $p}}
      - "halt:all"
      - {log: "x {a} {c:.1f}"}
    max_fires: {count: 2, per: day}
    rearm: "price < forming(EMA13@15m)"
    for: 10m
  - sequence: [{a: "touch(atr.38)"}, {absent: {if: "price > 1", for: 5m}}]
    within: 1h
    until: "spy.atr.38 > 1"
    on_timeout: ["log:late"]
    then: ["cancel:x"]
risk: {max_position_pct: 5%, stop: ema13_break}
"""
PIECES = st.sampled_from(
    [*"$@[](){}:,.-+*/<>=!'\"%#&|~\n09", "38", "atr", "EMA13", "null", "na", "not ", " and ",
     "spy.", "macd(", ".hist", "@5m", "[1]", "1e400", "\x00", "\u2028", "\ud800", "é", "12mo",
     "99999999999999999999", "count(a=1)", "emitted('S')", "sequence:", "if: {}", "[]"]
)  # fmt: skip
LIMIT = 256 * 1024


def loaded(text: str) -> Loaded:
    return load([RuleFile("t.yaml", text)])


ODD: tuple[object, ...] = (None, True, -1.5, "", "0m", [1], {"a": 1})


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places of all values."""
    yield path
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            yield from paths(data[key], (*path, key))


def with_value(data: Any, path: tuple[Any, ...], value: object) -> Any:
    """Return the data with something else at a place."""
    if not path:
        return value
    changed = copy.copy(data)
    changed[path[0]] = with_value(data[path[0]], path[1:], value)
    return changed


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_any_value_may_be_something_else(odd: object) -> None:
    whole = yaml.safe_load(FULL)
    for path in paths(whole):
        loaded(json.dumps(with_value(whole, path, odd)))


def test_the_full_example_is_right() -> None:
    assert [str(one) for one in loaded(FULL).errors] == []


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_any_text(text: str) -> None:
    assert loaded(text).diagnostics


@given(st.data())
@settings(max_examples=150)
def test_examples_with_a_few_changes(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([*EXAMPLES, FULL, FULL, FULL]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        drop = data.draw(st.integers(0, 8))
        text = text[:place] + data.draw(PIECES | st.just("")) + text[place + drop :]
    found = loaded(text)
    assert all(1 <= one.line <= text.count("\n") + 2 and one.column >= 1 for one in found.errors)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from(
    ["name", "inputs", "params", "vars", "let", "when", "logic", "risk", "tests", "if", "then",
     "sequence", "refs", "indicators", "atr", "absent", "order", "emit", "set", "halt", "x", "a b"]
)  # fmt: skip
TREES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=6))
@settings(max_examples=100)
def test_any_tree(tree: dict[str, object]) -> None:
    assert loaded(yaml.safe_dump(tree)).diagnostics


def _filled(head: str, unit: str, tail: str = "") -> str:
    count = (LIMIT - len(head) - len(tail)) // len(unit)
    return head + unit * count + tail


_CLAUSE = "name: r\nlogic:\n"
_THEN = "name: r\nlogic: [{if: close > 1, then: ['emit:X'"


@pytest.mark.parametrize(
    "text",
    [
        _filled(_CLAUSE, "- {if: pricx > 1, then: ['emit:X']}\n"),
        _filled(_CLAUSE, "- if: '" + " and ".join(["EMA13 > 1"] * 130) + "'\n  then: ['emit:X']\n"),
        _filled(_CLAUSE, "- if: '" + " or ".join(["po() > 1"] * 180) + "'\n  then: ['emit:X']\n"),
        _filled(_THEN, ",'alert:" + "{close:.2f} " * 150 + "'", "]}]"),
        _THEN + ",'alert:" + "{" * 200_000 + "']}]",
        _filled("name: r\ntags: [", "a,", "a]"),
        _filled("name: r\n", "name: r\n"),
        "name: r\nx-a: " + "[" * 100_000,
        _CLAUSE + "- if: '" + "(" * 1900 + "'\n",
        _CLAUSE + "- if: '" + "not " * 490 + "'\n",
        _CLAUSE + "- if: '" + "-" * 1900 + "1 > 0'\n",
        _CLAUSE + "- if: '" + "a." * 900 + "a'\n",
        "name: r\nlet:\n  a0: close\n" + "".join(f"  a{i + 1}: a{i} + a{i}\n" for i in range(490)),
        "name: r\nlet:\n" + "".join(f"  a{i}: a{i + 1}\n" for i in range(490)),
    ],
    ids=range(14),
)
def test_the_worst_takes_no_long_time(text: str) -> None:
    loaded("name: r")  # what the first file waits for is loaded
    begun = time.process_time()
    assert loaded(text).diagnostics
    assert time.process_time() - begun < 10  # under 1 s on a machine that has nothing else to do
