"""Files in; what came of their golden tests out."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from whispr_daemon.rules.diagnostics import Diagnostic, errors
from whispr_daemon.rules.document.document import Document, read
from whispr_daemon.rules.golden.case import Case
from whispr_daemon.rules.golden.judging import judged
from whispr_daemon.rules.golden.reading import cases
from whispr_daemon.rules.golden.report import Report
from whispr_daemon.rules.load import TESTS_SUFFIX, RuleFile, load
from whispr_daemon.rules.reading.inputs import NO_UNIVERSES, Universes
from whispr_daemon.rules.rule import Rule

TESTS_FOLDER = "tests"


class Prepared(NamedTuple):
    """Tests ready to run, and the mistakes that stop the others."""

    cases: tuple[Case, ...]
    diagnostics: tuple[Diagnostic, ...]
    untested: tuple[Diagnostic, ...]  # mistakes of files that have no tests


def run(
    files: Sequence[RuleFile],
    daily: Mapping[str, str] | None = None,
    universes: Universes = NO_UNIVERSES,
) -> Report:
    """Run all tests of rule files and of the ``X.test.yaml`` files among them.

    ``daily`` has the texts of files that ``given: {daily: …}`` names, by path: beside the test.
    """
    prepared = prepare(files, daily or {}, universes)
    results = tuple(judged(case) for case in prepared.cases)
    return Report(results=results, diagnostics=prepared.diagnostics, untested=prepared.untested)


def prepare(
    files: Sequence[RuleFile], daily: Mapping[str, str], universes: Universes = NO_UNIVERSES
) -> Prepared:
    """Read all tests. A mistake in a rule stops its tests, one in a test that test."""
    loaded = load(files, universes=universes)
    spoilt = {diagnostic.path for diagnostic in errors(loaded.diagnostics)}
    told = [one for one in loaded.diagnostics if one.path in spoilt and one.severity != "info"]
    sources = {file.path: file for file in files if not is_tests(file.path)}
    rules = {rule.path: rule for rule in loaded.rules}
    tested = set()
    ready: list[Case] = []
    for file in files:
        document = read(file.path, file.text)
        source = _rule_path(file.path, sources) if is_tests(file.path) else file.path
        if is_tests(file.path) or _has_tests(document):
            tested |= {file.path, source}
        if file.path in spoilt:
            continue
        if source is None:
            document.report(document.value(()), "E526", _no_rule(file.path))
        elif source in rules:
            ready += _read(document, rules[source], sources[source], daily)
        told += sorted(errors(document.diagnostics), key=lambda each: (each.line, each.column))
    return Prepared(
        tuple(ready),
        tuple(one for one in told if one.path in tested),
        tuple(one for one in told if one.path not in tested),
    )


def _has_tests(document: Document) -> bool:
    return isinstance(document.data, dict) and bool(document.data.get("tests"))


def _read(
    document: Document, rule: Rule, source: RuleFile, daily: Mapping[str, str]
) -> Iterator[Case]:
    try:
        for case in cases(document, rule, source, daily):
            if case is not None:
                yield case
    except Exception as error:  # noqa: BLE001 (whatever stands in a file is told, not raised)
        message = f"the tests cannot be read: {type(error).__name__}: {error}"
        document.report(document.value(("tests",)), "E527", message)


def is_tests(path: str) -> bool:
    """Does a file hold only tests?"""
    return path.endswith(TESTS_SUFFIX)


def rule_paths(path: str) -> tuple[str, ...]:
    """Return where the rule of ``X.test.yaml`` may stand: beside it, or above its ``tests/``."""
    folder, name = posixpath.split(path)
    stem = name.removesuffix(TESTS_SUFFIX)
    folders = [folder]
    if posixpath.basename(folder) == TESTS_FOLDER:
        folders.append(posixpath.dirname(folder))
    return tuple(
        posixpath.join(each, f"{stem}{ending}") for each in folders for ending in (".yaml", ".yml")
    )


def _rule_path(path: str, sources: Mapping[str, Any]) -> str | None:
    return next((each for each in rule_paths(path) if each in sources), None)


def _no_rule(path: str) -> str:
    return f"there is no rule {' or '.join(rule_paths(path)[::2])} that these tests could be of"
