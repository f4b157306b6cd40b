"""Rule files: every mistake has a place and a code, all of a file at once."""

from pathlib import Path

import pytest

from tests.unit.rules.bars import close_rows, ns
from tests.unit.rules.market import engine, fold
from whispr_daemon.rules.actions import Warn
from whispr_daemon.rules.document.document import MOST_FOUND
from whispr_daemon.rules.load import Loaded, RuleFile, load

HERE = Path(__file__).parent / "cases"

RULE = """\
name: r
inputs: {timeframe: 1m}
logic:
  - if: price > 10
    then: ["emit:X"]
"""


def loaded(text: str, path: str = "t.yaml") -> Loaded:
    return load([RuleFile(path, text)])


def told(text: str) -> list[str]:
    """Return what is said of a file, but for the notice that it has no tests."""
    return [str(found) for found in loaded(text).diagnostics if found.code != "W340"]


def test_a_file_with_one_mistake_a_line_gets_one_message_a_line() -> None:
    found = load([RuleFile("bad.yaml", (HERE / "bad.yaml").read_text(encoding="utf-8"))])
    expected = (HERE / "bad.expected.txt").read_text(encoding="utf-8").splitlines()
    assert [str(one) for one in found.diagnostics] == expected
    assert found.rules == ()


def test_the_verbatim_rule_gets_notices_only() -> None:
    found = loaded((HERE / "01_verbatim.yaml").read_text(encoding="utf-8"))
    assert [rule.name for rule in found.rules] == ["golden_gate_intraday"]
    assert {(one.severity, one.code) for one in found.diagnostics} == {
        ("info", "W101"),
        ("info", "W201"),
        ("info", "W340"),
    }
    (notice,) = (one.message for one in found.diagnostics if one.code == "W201")
    assert notice == (
        "atr.38 is the upper +38.2 % level only; mirror: atr.-38. Fires in both directions; for "
        "'golden gate opened' write cross_up(price, atr.38). Consider once: session."
    )


# --- the file
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "t.yaml:1:1: E502 the file is empty"),
        ("- a", "t.yaml:1:1: E503 the file is a list; expected Whispr rule, v1"),
        ("a: [", "t.yaml:1:5: E500 not YAML: expected the node content, but found '<stream end>'"),
        ("a: \x07", "t.yaml:1:4: E500 not YAML: the character #x0007"),
        (RULE + "name: s\n", "t.yaml:6:1: E504 key 'name' again; first in line 1"),
        (RULE + "x-a: &b 1\n", "t.yaml:6:6: E505 YAML anchors and aliases are not allowed"),
        (RULE + "x-a: !b {c: 1}\n", "t.yaml:6:6: E505 the YAML tag '!b' is not allowed here"),
        (RULE + "x-a: !!set {c}\n", "t.yaml:6:6: E505 the YAML tag 'tag:yaml.org,2002:set' is"),
        (RULE + "x-a: !b [1]\n", "t.yaml:6:6: E505 the YAML tag '!b' is not allowed here"),
        (RULE + "priority: .nan\n", "t.yaml:6:11: E500 '.nan' is not a number to reckon with"),
        (RULE.replace("1m", "1m, atr: {length: .inf}"), "E500 '.inf' is not a number to reckon"),
        (RULE.replace("1m", "1m, atr: {trigger: 1e999}"), "E500 '1e999' is not a number to reckon"),
        (RULE + "x-a: *b\n", "t.yaml:6:6: E505 YAML anchors and aliases are not allowed"),
        (RULE + "x-a: !!python/none\n", "the YAML tag 'tag:yaml.org,2002:python/none' is not"),
        (RULE + "x-a: " + "[" * 30 + "]" * 30, "E506 nested more than 24 levels deep"),
        (RULE + "x-a: " + "a" * 300_000, "characters; a rule file may have 262,144"),
        (RULE + "1: 2\n", "t.yaml:6:1: E500 a key must be text (put it in quotes)"),
        (RULE + "ownr: me\n", "t.yaml:6:1: E501 unknown key 'ownr' (did you mean 'owner'?)"),
        (RULE.replace("1m", "7m"), "E503 inputs.timeframe is '7m'; expected one of 1s, 5s,"),
        (RULE.replace("name: r", "name: 1r"), "t.yaml:1:7: E503 name is '1r'; expected a name of"),
        (RULE.replace("name: r", "owner: me"), "t.yaml:1:1: E502 key 'name' is missing"),
        (RULE.replace("then", "than"), "t.yaml:4:5: E502 key 'then' is missing"),
        (RULE.replace("then", "than"), "t.yaml:5:5: E501 unknown key 'than' (did you mean"),
        (RULE.replace("if:", "id:"), "E502 logic.0 needs one of 'if' and 'sequence'"),
        (RULE + "enabled: yes\n", "t.yaml:6:10: E503 enabled is 'yes'; expected true or false"),
        (RULE + "priority: high\n", "E503 priority is 'high'; expected a whole number"),
        (RULE + "inputs:\n", "E504"),
        (RULE.replace("1m", "1m, calendar: NYX"), "t.yaml:2:35: E508 no calendar named 'NYX'"),
        (RULE.replace("1m", "1m, symbols: []"), "E503 inputs.symbols is an empty list; expected"),
        (RULE + "tests: [{nme: a}]\n", "E501 unknown key 'nme' (did you mean 'name'?)"),
        (RULE.replace("name: r", 'name: "r\\n"'), "E503 name is 'r\\n'; expected a name of"),
        (RULE + "priority: 99999999999999999999\n", "E500 '99999999999999999999' is not a number"),
        (RULE + "x-a: [" + "1," * 15_001 + "]", "E506 more than 15,000 keys and values"),
        (RULE + "params: {a-b: 1}\n", "t.yaml:6:10: E503 the name 'a-b' in params; expected"),
        (RULE + "params: {a: [1]}\n", "E503 params.a is a list; expected a value such as 30"),
        (RULE + "params: {a: {default: 1, mn: 0}}\n", "E501 unknown key 'mn' (did you mean 'min'"),
        (RULE + "params: {a: {default: 1, min: 2}}\n", "E513 a is 1; the least it may be is 2"),
        (RULE + "params: {a: {default: 9, max: 2}}\n", "E513 a is 9; the most it may be is 2"),
        (RULE + "params: {a: {default: 9, max: 2d}}\n", "E513 max is '2d'; expected a num, as"),
        (RULE + "params: {a: {default: soon}}\n", "E513 'soon' is no number, percentage, duration"),
        (RULE + "vars: {a: {reset: weekly}}\n", "E503 vars.a.reset is 'weekly'; expected one of"),
        (RULE + "let: {a: b + 1, b: a + 1}\n", "6:7: E601 let entries need each other: a → b"),
        (RULE + "let: {a: prcie}\n", "6:10: E201 unknown name 'prcie' (did you mean"),
        (RULE + "let: {close: price}\n", "t.yaml:6:7: E510 'close' means something already"),
        (RULE + "let: {a: price}\nvars: {A: {}}\n", "E510 the name 'a' is taken in vars"),
        (RULE + "when: price\n", "t.yaml:6:7: E304 a condition is needed here, this is a num"),
        (RULE + "risk: {stop: price}\n", "E304 a condition is needed here, this is a num"),
        (RULE + "risk: {max_position_pct: much}\n", "E513 max_position_pct is 'much'; expected a"),
        (RULE.replace("1m", "1m, universe: tech"), "E512 no universe named 'tech' (known: none)"),
        (RULE.replace("1m", "1m, timezone: Mars"), "E508 no timezone named 'Mars'"),
        (RULE.replace("1m", "1m, calendar: XNYS, timezone: Asia/Tokyo"), "E508 the clocks of XNYS"),
        (RULE.replace("1m", "1m, stale_after: soon"), "E503 inputs.stale_after is 'soon'"),
        (RULE.replace("1m", "1m, indicators: [price]"), "E201 'price' is not an indicator"),
        (RULE.replace("1m", "1m, indicators: {a: {type: EMX}}"), "E220 unknown function 'emx'"),
        (RULE.replace("1m", "1m, indicators: {a: {type: tr, length: 3}}"), "E222 tr takes no"),
        (RULE + "    within: 5m\n", "E511 'within' belongs to a sequence, not to an 'if'"),
        (RULE + "    cooldown: 5x\n", "E503 logic.0.cooldown is '5x'; expected a duration such as"),
        (RULE + "    cooldown: 999999d\n", "E503 999999d is longer than 100 years"),
        (RULE + "    max_fires: 3\n", "E503 logic.0.max_fires is 3; expected a mapping"),
        (RULE + "    rearm: price\n", "E304 a condition is needed here, this is a num"),
    ],
)  # fmt: skip
def test_mistakes_of_a_file(text: str, expected: str) -> None:
    assert any(expected in line for line in told(text)), told(text)
    assert loaded(text).rules == ()


def test_what_does_not_matter_is_not_said() -> None:
    text = RULE.replace("1m", "1m, evaluate: bar_close, missing: skip, atr: {mode: day}")
    assert told(f"{text}    edge: auto\nmode: live\nparams: {{}}\nx-mine: [1]\n") == []


def test_two_rules_of_one_name_are_named_with_both_files() -> None:
    found = load([RuleFile("a.yaml", RULE), RuleFile("b.yaml", RULE)])
    assert [rule.path for rule in found.rules] == ["a.yaml"]
    assert [str(one) for one in found.errors] == [
        "b.yaml:1:7: E507 the rule name 'r' is taken by a.yaml already (in b.yaml)"
    ]


def test_a_bad_file_does_not_keep_a_good_one_from_running() -> None:
    found = load([RuleFile("a.yaml", "name: ["), RuleFile("b.yaml", RULE)])
    assert [rule.name for rule in found.rules] == ["r"]


def test_yaml_has_its_1_2_meaning() -> None:
    (rule,) = loaded(RULE + "owner: on\ntags: [16:00, no, 2026-06-24, 1_000]\nversion: 1.2\n").rules
    assert (rule.owner, rule.tags) == ("on", ("16:00", "no", "2026-06-24", "1_000"))
    assert rule.written_version == "1.2"


def test_a_test_file_holds_only_tests() -> None:
    good = loaded("tests: [{name: a, bars: {closes: '1 2'}, expect: []}]", "r.test.yaml")
    assert (good.rules, good.diagnostics) == ((), ())
    bad = loaded(RULE, "r.test.yaml")
    assert {one.code for one in bad.diagnostics} == {"E501", "E502"}


def test_comments_layout_and_tests_do_not_change_the_version_and_all_else_does() -> None:
    (rule,) = loaded(RULE).rules
    (same,) = loaded(f"# c\n{RULE}\ntests: []\n").rules
    (other,) = loaded(RULE.replace("10", "11")).rules
    assert rule.hash == same.hash != other.hash
    assert rule.version == f"sha256:{rule.hash[:12]}"
    assert rule.clauses[0].digest != other.clauses[0].digest


# --- actions
def action(written: str) -> list[str]:
    return [text.split(": ", 1)[1] for text in told(RULE.replace('"emit:X"', written))]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("'emit:1x'", "E401 emit needs a signal name of letters, digits and _, found '1x'"),
        ("'emit:X:big'", "E401 the strength of a signal is a number, found 'big'"),
        ("'emit:X:nan'", "E401 the strength of a signal is a number, found 'nan'"),
        ("'emit:X:-inf'", "E401 the strength of a signal is a number, found '-inf'"),
        ("'alert:'", "E402 alert needs a message"),
        ("{alert: {level: loud, message: a}}", "E402 alert level 'loud' is none of debug, info,"),
        ("'alert:a { b'", "E403 a single '{' in a message (write {{ for the character)"),
        ("'alert:{prcie}'", "E201 unknown name 'prcie' (did you mean 'price'?)"),
        ("'alert:{price:.2q}'", "E404 '.2q' is not a number format such as .2f"),
        ("{emit: X, strenth: 1}", "E501 unknown key 'strenth' of emit (did you mean 'strength'?)"),
        ("{emmit: X}", "E400 unknown action with the keys emmit (did you mean 'emit'?)"),
        ("{alert: {message: a, dedup: 3}}", "E402 dedup is a text, found 3"),
        ("{emit: X, side: up}", "E401 the side of a signal is 'up'; expected one of long, short"),
        ("{emit: X, data: {k: prcie}}", "E201 unknown name 'prcie' (did you mean 'price'?)"),
        ("'set:x=1'", "E410 set needs a variable of vars, found 'x'"),
        ("'set:x'", "E410 set takes a variable and an expression: set:x=x + 1"),
        ("'log:'", "E402 log needs a message"),
        ("{order: {side: buy}}", "E421 an order needs one of qty, notional, risk_pct; found none"),
        ("{order: {side: buy, risk_pct: 1%}}", "E420 risk_pct needs a stop"),
        ("{order: {side: bye, qty: 1}}", "E421 side of order is 'bye'; expected one of buy, sell"),
        ("{order: {side: buy, qty: 1, limt: 3}}", "E501 unknown key 'limt' of order (did you mean"),
        (
            "{order: {side: buy, qty: true and true}}",
            "E301 a number is needed here, this is a bool",
        ),
        (
            "{order: {side: buy, qty: 1, type: limit}}",
            "E421 an order of type limit needs its limit",
        ),
        ("{target: {qty: 1, pct: 2%}}", "E421 a target needs one of qty and pct, and only one"),
        ("{flatten: some}", "E421 flatten takes all or symbol, found 'some'"),
        ("'flatten:some'", "E421 flatten is written flatten:all"),
        ("'order:buy'", "E421 order is written a mapping"),
        ("{halt: {until: later}}", "E421 until is 'later'; expected session_end, manual or a"),
        ("{cancel: 3}", "E421 cancel takes the tag of the orders"),
        ("{order: {side: buy, qty: -5}}", "E421 qty of order is -5; expected more than 0 (the"),
        ("{order: {side: buy, notional: 0}}", "E421 notional of order is 0; expected more than 0"),
        ("{order: {side: buy, risk_pct: 50, stop: 1}}", "E421 risk_pct of order is 5,000% of the"),
    ],
)
def test_mistakes_of_an_action(written: str, expected: str) -> None:
    assert any(found.startswith(expected) for found in action(written)), action(written)


def test_a_mistake_within_a_message_has_its_own_place() -> None:
    assert told(RULE.replace("emit:X", "alert:info:a {price} {prcie}")) == [
        "t.yaml:5:35: E201 unknown name 'prcie' (did you mean 'price'?)"
    ]


def test_messages_keep_percent_signs_colons_and_doubled_braces() -> None:
    (rule,) = loaded(RULE.replace("emit:X", "alert:GG: 38% {{x}} {price:.1f} {gap} {dir}")).rules
    (warn,) = rule.clauses[0].actions
    assert isinstance(warn, Warn)
    assert warn.severity == "info"
    assert warn.message.text([9.25], "up", gap=True) == "GG: 38% {x} 9.2 true up"
    assert warn.message.text([float("nan")], "", gap=False) == "GG: 38% {x} na false "


def test_notices_however_many_refuse_no_rule() -> None:
    clauses = "".join(
        f"  - {{id: c{number}, if: 'RSI{number + 2} > 100', then: ['emit:E{number}']}}\n"
        for number in range(MOST_FOUND + 50)
    )
    loaded = load((RuleFile("a.yaml", f"name: a\nlogic:\n{clauses}"),))
    assert loaded.errors == ()
    assert len(loaded.rules) == 1
    notices = [each for each in loaded.diagnostics if each.severity != "error"]
    assert len(notices) == MOST_FOUND
    assert notices[-1].message.endswith("(and more notices, which are not told)")


def test_what_a_file_says_of_itself_is_carried_into_its_signals() -> None:
    said = "version: 1.10\nowner: desk\ndescription: a break\ntags: [saty]\n"
    text = (
        f"name: r\n{said}logic: [{{if: price crosses 10, then: ['emit:S', 'alert:a', 'log:l']}}]\n"
    )
    (rule,) = load([RuleFile("t.yaml", text)]).rules
    outputs = fold(engine(rule), close_rows([9, 11], ns("2026-06-24", "09:30")))
    assert len(outputs) == 3
    for output in outputs:
        carried = {
            key: output.data[key] for key in ("rule_version", "owner", "description", "tags")
        }
        assert list(carried.values()) == ["1.10", "desk", "a break", ["saty"]]


@pytest.mark.parametrize(
    ("clause", "place"),
    [
        ('sequence: [{a: "price > 1"}, {absent: {if: "price > 2", for: 0m}}]', "3:65: E503 for"),
        ('sequence: [{a: "price > 1"}, {b: "price > 2"}], within: 0m', "3:60: E503 logic.0.within"),
    ],
)
def test_what_is_to_last_lasts(clause: str, place: str) -> None:
    found = told(f"name: r\nlogic:\n- {{{clause}, then: ['emit:X']}}\n")
    assert found == [f"t.yaml:{place} is '0m'; expected a duration such as 30m, of more than 0"]


def test_no_time_at_all_may_be_asked_for_where_it_means_at_once() -> None:
    text = RULE.replace("    then", "    for: 0m\n    cooldown: 0s\n    then")
    assert [str(found) for found in loaded(text).errors] == []
