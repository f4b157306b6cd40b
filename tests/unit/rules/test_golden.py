"""The example and the shipped rules pass their golden tests, with all three invariants."""

from pathlib import Path

import pytest

from whispr_daemon.rules.golden.case import Case
from whispr_daemon.rules.golden.judging import judged
from whispr_daemon.rules.golden.runner import prepare
from whispr_daemon.rules.load import RuleFile, load

EXAMPLES = Path(__file__).parent / "cases"
SHIPPED = Path(__file__).parents[3] / "config" / "rules"


def files_in(folder: Path) -> list[RuleFile]:
    return [
        RuleFile(str(path.relative_to(folder.parent)), path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.yaml"))
    ]


CASES = [case for folder in (EXAMPLES, SHIPPED) for case in prepare(files_in(folder), {}).cases]


def test_none_is_left_out() -> None:
    rules = {case.rule.path for case in CASES}
    written = [path for path in EXAMPLES.glob("*.yaml") if not path.name.endswith(".test.yaml")]
    broken = [EXAMPLES / "bad.yaml"]
    assert len(rules) == len(written) - len(broken) + len(list(SHIPPED.glob("*.yaml")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule.path}: {case.name}")
def test_says_what_is_expected_and_keeps_the_invariants(case: Case) -> None:
    result = judged(case)
    assert result.passed, result.failures


def test_the_shipped_verbatim_rule_is_the_users_but_for_the_editors_line() -> None:
    shipped = (SHIPPED / "golden_gate_intraday.yaml").read_bytes()
    first, _, rest = shipped.partition(b"\n")
    assert first.startswith(b"# yaml-language-server: $schema=")
    assert rest == (EXAMPLES / "01_verbatim.yaml").read_bytes()


def test_every_shipped_rule_and_test_file_loads_without_a_mistake() -> None:
    assert [
        str(found) for found in load(files_in(SHIPPED)).diagnostics if found.severity == "error"
    ] == []
