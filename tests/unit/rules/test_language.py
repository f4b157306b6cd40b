"""The language sentence by sentence: small rules and their golden tests, several to a file."""

from pathlib import Path

import pytest

from whispr_daemon.rules.golden.case import Case
from whispr_daemon.rules.golden.judging import judged
from whispr_daemon.rules.golden.runner import prepare
from whispr_daemon.rules.load import RuleFile

FOLDER = Path(__file__).parent / "language"


def rules_in(path: Path) -> list[RuleFile]:
    """Return the rules of a file, which ``---`` parts; each is a file to the loader."""
    parts = path.read_text(encoding="utf-8").split("\n---\n")
    return [RuleFile(f"{path.stem}{place}.yaml", part) for place, part in enumerate(parts)]


PREPARED = {path.stem: prepare(rules_in(path), {}) for path in sorted(FOLDER.glob("*.yaml"))}
CASES = [case for prepared in PREPARED.values() for case in prepared.cases]


@pytest.mark.parametrize("name", PREPARED)
def test_every_rule_loads(name: str) -> None:
    assert [str(found) for found in PREPARED[name].diagnostics] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule.name}: {case.name}")
def test_it_does_what_is_written(case: Case) -> None:
    result = judged(case)
    assert result.passed, result.failures
