"""What came of golden tests, as plain data."""

from typing import Literal, TypeAlias

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.diagnostics import Diagnostic

Miss: TypeAlias = Literal[
    "expect", "value", "suppressed", "prefix", "restart", "duplicates", "crash"
]


class Failure(Value, frozen=True, kw_only=True):
    """One thing that is not as it should be. ``line`` and ``column`` count from 1."""

    kind: Miss
    line: int
    column: int
    expected: str
    got: str
    why: tuple[str, ...] = ()  # lines: the evaluated tree around the miss


class Result(Value, frozen=True, kw_only=True):
    """What came of one test."""

    rule: str
    name: str
    path: str
    line: int
    column: int
    bars: int
    ticks: int = 0  # trades and quotes
    failures: tuple[Failure, ...] = ()

    @property
    def passed(self) -> bool:
        """Is everything as it should be?"""
        return not self.failures


class Report(Value, frozen=True, kw_only=True):
    """What came of all tests of some files."""

    results: tuple[Result, ...]
    diagnostics: tuple[Diagnostic, ...]  # mistakes that stopped tests: those were not run
    untested: tuple[Diagnostic, ...] = ()  # mistakes of files that have no tests

    @property
    def passed(self) -> bool:
        """Did every test run, and pass?"""
        return not self.diagnostics and all(result.passed for result in self.results)
