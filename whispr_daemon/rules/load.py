"""Rule files in; checked rules and every mistake out."""

from collections.abc import Sequence
from typing import Final

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.diagnostics import Diagnostic
from whispr_daemon.rules.document.document import Document, read
from whispr_daemon.rules.document.shape import check_shape
from whispr_daemon.rules.document.yaml_core import Mark
from whispr_daemon.rules.reader import RuleReader
from whispr_daemon.rules.rule import Rule

TESTS_SUFFIX: Final = ".test.yaml"


class RuleFile(Value, frozen=True):
    """A file as found: its path (named in messages) and its text."""

    path: str
    text: str


class Loaded(Value, frozen=True, kw_only=True):
    """What came of loading some files. A rule with an error is not among ``rules``."""

    rules: tuple[Rule, ...]
    diagnostics: tuple[Diagnostic, ...]  # by file, line, column

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics that keep a rule from running."""
        return tuple(found for found in self.diagnostics if found.severity == "error")


def load(files: Sequence[RuleFile]) -> Loaded:
    """Check files, all mistakes of each at once. ``X.test.yaml`` holds only tests."""
    rules: dict[str, Rule] = {}
    diagnostics: list[Diagnostic] = []
    for file in files:
        document = read(file.path, file.text)
        rule = _read_rule(document)
        if rule is not None and rule.name in rules:
            other = rules[rule.name].path
            message = f"the rule name {rule.name!r} is taken by {other} already (in {file.path})"
            document.report(document.value(("name",)), "E507", message)
        elif rule is not None:
            rules[rule.name] = rule
        diagnostics += sorted(document.diagnostics, key=lambda found: (found.line, found.column))
    return Loaded(rules=tuple(rules.values()), diagnostics=tuple(diagnostics))


def _read_rule(document: Document) -> Rule | None:
    if document.data is None:
        if not document.diagnostics:
            document.report(Mark(1, 1), "E502", "the file is empty")
        return None
    tests_only = document.path.endswith(TESTS_SUFFIX)
    check_shape(document, tests_only=tests_only)
    if tests_only or not isinstance(document.data, dict):
        return None
    return RuleReader(document).rule()
