"""Who says quickly whether a document has the right shape says what JSON Schema says."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft7Validator

from tests.unit.rules.check.test_robust import FULL, ODD, TREES, paths, with_value
from whispr_daemon.rules.document import golden_keys
from whispr_daemon.rules.document.document import read
from whispr_daemon.rules.document.fitting import fitting
from whispr_daemon.rules.document.rule_keys import rule_schema

CASES = Path(__file__).parents[1] / "cases"
SCHEMAS = [rule_schema(), golden_keys.tests_schema()]
QUICK = [fitting(schema) for schema in SCHEMAS]
SURE = [Draft7Validator(schema) for schema in SCHEMAS]


def agreed(data: Any) -> bool:
    """Say whether it fits, a rule or a file of tests; both say the same."""
    schema = "logic" not in data if isinstance(data, dict) else 0
    found = QUICK[schema](data)
    assert found == SURE[schema].is_valid(data)
    return found


def test_the_full_example_fits_and_no_part_of_it_may_be_anything() -> None:
    whole = yaml.safe_load(FULL)
    assert agreed(whole)
    changed = [with_value(whole, path, odd) for path in paths(whole) for odd in ODD]
    fits = [agreed(each) for each in changed]
    assert 0 < sum(fits) < len(fits)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    agreed(read(path.name, path.read_text(encoding="utf-8")).data)


@given(TREES)
@settings(max_examples=50)
def test_any_tree(tree: Any) -> None:
    agreed(tree)


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"not": {}}, "not"),
        ({"enum": [1]}, "enum"),
        ({"patternProperties": {"a": {"type": "string"}}}, "patternProperties"),
    ],
)
def test_what_it_does_not_know_is_refused(schema: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        fitting(schema)
