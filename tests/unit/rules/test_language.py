"""The language sentence by sentence: small rules and their golden tests, several to a file."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from whispr_daemon.rules.golden.judging import judged
from whispr_daemon.rules.golden.runner import Prepared, prepare
from whispr_daemon.rules.load import RuleFile

FOLDER = Path(__file__).parent / "language"
FILES = [path.stem for path in sorted(FOLDER.glob("*.yaml"))]


def rules_in(path: Path) -> list[RuleFile]:
    """Return the rules of a file, which ``---`` parts; each is a file to the loader."""
    parts = path.read_text(encoding="utf-8").split("\n---\n")
    return [RuleFile(f"{path.stem}{place}.yaml", part) for place, part in enumerate(parts)]


@cache
def prepared(name: str) -> Prepared:
    """Return the cases of a file, read where the first of them runs."""
    return prepare(rules_in(FOLDER / f"{name}.yaml"), {})


def named() -> Iterator[Any]:
    """Yield the file, the rule and the name of each case; only its name is read by then."""
    for name in FILES:
        for file in rules_in(FOLDER / f"{name}.yaml"):
            rule = yaml.load(file.text, yaml.CSafeLoader)
            for case in rule.get("tests", ()):
                identity = f"{rule['name']}: {case['name']}"
                yield pytest.param(name, rule["name"], case["name"], id=identity)


@pytest.mark.parametrize("name", FILES)
def test_every_rule_loads(name: str) -> None:
    assert [str(found) for found in prepared(name).diagnostics] == []


@pytest.mark.parametrize(("file", "rule", "name"), list(named()))
def test_it_does_what_is_written(file: str, rule: str, name: str) -> None:
    (case,) = (each for each in prepared(file).cases if (each.rule.name, each.name) == (rule, name))
    result = judged(case)
    assert result.passed, result.failures
