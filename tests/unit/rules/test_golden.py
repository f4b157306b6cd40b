"""The example rules say what their golden tests expect."""

from pathlib import Path

import pytest

from tests.unit.rules.golden import Case, cases, check_invariants, run, seen
from whispr_daemon.rules.load import RuleFile, load

HERE = Path(__file__).parent / "cases"
SHIPPED = Path(__file__).parents[3] / "config" / "rules"


def _pairs() -> list[tuple[Path, Path]]:
    return [
        (HERE / "01_verbatim.yaml", HERE / "01_verbatim.test.yaml"),
        (HERE / "03_ribbon.yaml", HERE / "03_ribbon.yaml"),
        *((rule, SHIPPED / "tests" / f"{rule.stem}.test.yaml") for rule in SHIPPED.glob("*.yaml")),
    ]


def _all() -> list[Case]:
    return [
        case
        for rule, tests in _pairs()
        for case in cases(
            RuleFile(rule.name, rule.read_text(encoding="utf-8")),
            tests.read_text(encoding="utf-8"),
        )
    ]


@pytest.mark.parametrize("case", _all(), ids=lambda case: f"{case.rule.path}: {case.name}")
def test_says_what_is_expected_and_nothing_else(case: Case) -> None:
    assert seen(case, run(case)) == case.expect


@pytest.mark.parametrize("case", _all(), ids=lambda case: f"{case.rule.path}: {case.name}")
def test_never_looks_ahead_and_survives_restarts_repeats_and_late_rows(case: Case) -> None:
    check_invariants(case)


def test_the_shipped_verbatim_rule_is_the_users_to_the_letter() -> None:
    shipped = (SHIPPED / "golden_gate_intraday.yaml").read_bytes()
    assert shipped == (HERE / "01_verbatim.yaml").read_bytes()


def test_every_shipped_rule_and_test_file_loads_without_a_mistake() -> None:
    files = [
        RuleFile(str(path), path.read_text(encoding="utf-8")) for path in SHIPPED.rglob("*.yaml")
    ]
    assert [str(found) for found in load(files).diagnostics if found.severity != "info"] == []
