"""Golden tests, read from where rule files have them: beside, in ``tests/`` below, or within."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from whispr_daemon.bootstrap.rule_files import rule_files
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.document.document import read
from whispr_daemon.rules.golden.runner import is_tests, rule_paths
from whispr_daemon.rules.load import TESTS_SUFFIX, RuleFile


class GoldenFiles(NamedTuple):
    """What :func:`whispr_daemon.rules.golden.runner.run` takes."""

    files: tuple[RuleFile, ...]  # rules, and files of tests
    daily: Mapping[str, str]  # texts of files of daily bars, by path


def golden_files(paths: Sequence[Path]) -> GoldenFiles:
    """Return the rules of files and folders, with all their tests. A file of tests brings its rule.

    Raises:
        SettingsError: there is no such file, or one cannot be read.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise SettingsError(
            "\n".join(f"{path}: there is no such file or folder" for path in missing)
        )
    rules: dict[str, RuleFile] = {}
    for path in paths:
        for each in _rules_of(path):
            rules.setdefault(each.path, each)
    return with_tests(tuple(rules.values()), _named(paths))


def with_tests(rules: Sequence[RuleFile], named: Iterable[Path] = ()) -> GoldenFiles:
    """Return rule files as read, with the files of tests that lie about them, and ``named`` ones.

    Raises:
        SettingsError: one cannot be read.
    """
    paths = [*named, *(path for rule in rules for path in _beside(Path(rule.path)))]
    tests = [file for path in dict.fromkeys(paths) for file in rule_files(path)]
    files = (*rules, *tests)
    return GoldenFiles(files, dict(_daily(files)))


def _rules_of(path: Path) -> Iterator[RuleFile]:
    if path.is_dir() or not is_tests(path.name):
        yield from rule_files(path)
    else:
        beside = (Path(each) for each in rule_paths(str(path)))
        yield from (file for each in beside if each.is_file() for file in rule_files(each))


def _named(paths: Sequence[Path]) -> list[Path]:
    """Return files of tests that were named, or lie in a named folder: maybe without a rule."""
    found = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.glob(f"*{TESTS_SUFFIX}"))
        elif is_tests(path.name):
            found.append(path)
    return found


def _beside(rule: Path) -> Iterator[Path]:
    name = f"{rule.stem}{TESTS_SUFFIX}"
    return (path for path in (rule.parent / name, rule.parent / "tests" / name) if path.is_file())


def _daily(files: Iterable[RuleFile]) -> Iterator[tuple[str, str]]:
    """Yield the files of daily bars that tests name, those that can be read."""
    for file in files:
        data = read(file.path, file.text).data
        tests = data.get("tests") if isinstance(data, dict) else None
        for test in tests if isinstance(tests, list) else ():
            given = test.get("given") if isinstance(test, dict) else None
            name = given.get("daily") if isinstance(given, dict) else None
            path = Path(file.path).parent / name if isinstance(name, str) else None
            if path is not None and path.is_file():
                yield str(path), path.read_text(encoding="utf-8", errors="replace")
