"""Remarks on loaded rules, at their places: lint, signals that nobody says, rules without tests."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from whispr_daemon.rules.diagnostics import Finding, suggestion
from whispr_daemon.rules.document.document import Document
from whispr_daemon.rules.lint.lint import lint
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.rule import Rule

TESTS_SUFFIX: Final = ".test.yaml"


def remark(
    rules: Iterable[Rule], at: Mapping[str, Document], documents: Collection[Document]
) -> None:
    """Add what is odd about rules to their documents; ``at`` has these by the rule's name."""
    tests = {
        PurePath(document.path).name.removesuffix(TESTS_SUFFIX)
        for document in documents
        if document.path.endswith(TESTS_SUFFIX)
    }
    for rule in rules:
        document = at[rule.name]
        for path, finding in lint(rule):
            document.add([finding], path)
        data: dict[str, Any] = document.data
        if not data.get("tests") and PurePath(document.path).stem not in tests:
            message = "no tests: add tests:, or a file X.test.yaml beside X.yaml"
            document.note(document.value(("name",)), "W340", message)


def check_signals(benches: Sequence[Bench]) -> None:
    """Warn of signals that are asked for and that no rule says."""
    said: set[str] = set()
    for bench in benches:
        said |= bench.emitted
    for bench in benches:
        for signal, path, start in bench.asked:
            if signal in said or bench.document.full:
                continue
            message = f"no rule emits {signal!r}{suggestion(signal, said)}"
            finding = Finding(start=start, code="W203", message=message, severity="warning")
            bench.document.add([finding], path)
