"""Rules with one test, run."""

from whispr_daemon.rules.golden.case import Case
from whispr_daemon.rules.golden.report import Report, Result
from whispr_daemon.rules.golden.runner import prepare, run
from whispr_daemon.rules.load import RuleFile

TENTH = """\
name: tenth
inputs: {symbols: [SPY]}
logic:
  - id: up
    if: "cross_up(price, 10)"
    cooldown: 5m
    then: ["emit:UP", "alert:info:up at {price:.2f}"]
"""


def report_of(test: str, rule: str = TENTH, **daily: str) -> Report:
    """Run the lines of one test."""
    return run([RuleFile("r.yaml", rule), RuleFile("r.test.yaml", _file(test))], daily)


def result_of(test: str, rule: str = TENTH, **daily: str) -> Result:
    """Run one test without a mistake in it."""
    report = report_of(test, rule, **daily)
    assert [str(found) for found in report.diagnostics] == []
    return report.results[0]


def case_of(test: str, rule: str = TENTH) -> Case:
    """Read one test without a mistake in it."""
    files = [RuleFile("r.yaml", rule), RuleFile("r.test.yaml", _file(test))]
    (case,) = prepare(files, {}).cases
    return case


def mistakes_of(test: str, rule: str = TENTH, **daily: str) -> list[str]:
    """Return what is wrong with one test: ``line:column CODE message``."""
    return [
        f"{found.line}:{found.column} {found.code} {found.message}"
        for found in report_of(test, rule, **daily).diagnostics
    ]


def _file(test: str) -> str:
    lines = [f"    {line}" if line else "" for line in test.splitlines()]
    return "\n".join(("tests:", "  - name: it", *lines, ""))
