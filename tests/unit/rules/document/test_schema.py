"""The published schema is what the tables make, and takes the examples."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from whispr_daemon.rules.document.document import read
from whispr_daemon.rules.document.golden_keys import EXPECT
from whispr_daemon.rules.document.golden_keys import tests_schema as schema_of_tests
from whispr_daemon.rules.document.rule_keys import editor_schema, rule_schema, schema_text
from whispr_daemon.rules.golden.case import EXPECTED

ROOT = Path(__file__).parents[4]
CASES = ROOT / "tests" / "unit" / "rules" / "cases"
EXAMPLES = [
    *sorted(CASES.glob("0?_*[!t].yaml")),
    *sorted(CASES.glob("0*.test.yaml")),
    *sorted((ROOT / "config" / "rules").rglob("*.yaml")),
]


def test_the_committed_schema_is_the_one_the_tables_make() -> None:
    committed = ROOT / "config" / "whispr-rules-v1.schema.json"
    assert committed.read_text(encoding="utf-8") == schema_text()


def test_all_schemas_are_draft_7() -> None:
    for schema in (rule_schema(), editor_schema(), schema_of_tests()):
        assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
        Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid_for_editors(path: Path) -> None:
    data = read(path.name, path.read_text(encoding="utf-8")).data
    schemas = [json.loads(schema_text())]
    schemas += [schema_of_tests()] if path.name.endswith(".test.yaml") else []
    for schema in schemas:
        assert [error.message for error in Draft7Validator(schema).iter_errors(data)] == []


@pytest.mark.parametrize(
    "then",
    ["emitt:X", "emit:1X", "flatten:some", {"emitt": "X"}, {"order": {"sid": "buy"}}, {}],
)
def test_editors_hear_of_mistaken_actions(then: object) -> None:
    rule = {"name": "r", "logic": [{"if": "price > 1", "then": [then]}]}
    assert not Draft7Validator(editor_schema()).is_valid(rule)


@pytest.mark.parametrize(
    "mistake",
    [
        'inputs: {timeframe: "1min"}',
        "inputs: {symbols: SPY}",
        "inputs: {atr: {mode: weekly}}",
        "inputs: {refs: [SPY]}",
        "params: {a: {defualt: 3}}",
        "lets: {a: 1}",
        "when: 3",
        "vars: {x: 0}",
        "tests: [{name: t}]",
        "tests: [{name: t, bars: {closes: '1'}, expect: [{emit: X}]}]",
        "tests: [{name: t, bars: {closes: '1'}, expect: [{at: '09:31', emitt: X}]}]",
        "tests: [{name: t, bars: {closes: '1'}, expect_suppressed: [{at: '9', reason: cool}]}]",
        "logic: [{if: x, then: ['emit:X'], cooldown: 30min}]",
        "logic: [{if: x, then: ['emit:X'], once: daily}]",
        "logic: [{if: x, then: ['emit:X'], max_fires: 3}]",
        "logic: [{if: x, then: ['emit:X'], edge: falling}]",
        "logic: [{iff: x, then: ['emit:X']}]",
        "logic: [{if: x, sequence: [{a: x}], then: ['emit:X']}]",
        "logic: [{if: x}]",
    ],
)
def test_editors_hear_of_the_classic_mistakes(mistake: str) -> None:
    rule = {"name": "r", "logic": [{"if": "price > 1", "then": ["emit:X"]}]}
    assert Draft7Validator(editor_schema()).is_valid(rule)
    assert not Draft7Validator(editor_schema()).is_valid({**rule, **read("", mistake).data})


def test_what_tests_may_expect_is_what_editors_know() -> None:
    assert {key.name for key in EXPECT} == set(EXPECTED)


def test_every_key_says_what_it_is_for() -> None:
    todo = [editor_schema()]
    while todo:
        schema = todo.pop()
        for key in schema.get("properties", {}).values():
            assert key["description"]
        todo += [each for each in schema.values() if isinstance(each, dict)]
        todo += [each for value in schema.values() if isinstance(value, list) for each in value
                 if isinstance(each, dict)]  # fmt: skip
