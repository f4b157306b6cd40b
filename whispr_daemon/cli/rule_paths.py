"""The files that a command about rules is given: rules, their tests, the data of those."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from whispr_daemon.bootstrap.rule_files import daily_files, golden_files, rule_files
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.golden.runner import is_tests, rule_paths
from whispr_daemon.rules.load import TESTS_SUFFIX, RuleFile
from whispr_daemon.rules.reading.inputs import NO_UNIVERSES, Universes


class Tested(NamedTuple):
    """What :func:`whispr_daemon.rules.golden.runner.prepare` takes."""

    files: tuple[RuleFile, ...]  # rules, and files of tests
    daily: Mapping[str, str]  # texts of files of daily bars, by path


def rules_at(paths: Sequence[Path]) -> tuple[RuleFile, ...]:
    """Return the rule files of files and folders, each once; also files of tests that are named.

    Raises:
        SettingsError: there is no such file, or one cannot be read.
    """
    _check(paths)
    found = (file for path in paths for file in rule_files(path))
    return tuple({file.path: file for file in found}.values())


def tests_at(paths: Sequence[Path]) -> Tested:
    """Return the rules of files and folders with all their tests. A file of tests brings its rule.

    Raises:
        SettingsError: there is no such file, or one cannot be read.
    """
    _check(paths)
    rules = {file.path: file for path in paths for file in _rules_of(path)}
    named = {file.path: file for path in paths for file in _named(path)}
    whole = not any(is_tests(path.name) for path in paths)
    beside = {file.path: file for file in golden_files(rules)} if whole else {}
    files = {**rules, **named, **beside}
    return Tested(tuple(files.values()), daily_files(files))


def universes_for(files: Sequence[RuleFile], config: Path | None) -> Universes:
    """Return the lists of symbols in the settings, which are read only where a file names one.

    Raises:
        SettingsError: a setting is wrong.
    """
    if not any("universe" in file.text for file in files):
        return NO_UNIVERSES
    from whispr_daemon.settings import load  # here, as it takes a moment that few need

    return load(config).universes


def _check(paths: Sequence[Path]) -> None:
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise SettingsError(
            "\n".join(f"{path}: there is no such file or folder" for path in missing)
        )


def _rules_of(path: Path) -> Iterator[RuleFile]:
    if path.is_dir() or not is_tests(path.name):
        yield from rule_files(path)
        return
    for place in map(Path, rule_paths(str(path))):
        if place.is_file():
            yield from rule_files(place)


def _named(path: Path) -> Iterator[RuleFile]:
    """Yield files of tests that were named, or lie in a named folder: maybe without a rule."""
    places = sorted(path.glob(f"*{TESTS_SUFFIX}")) if path.is_dir() else [path]
    for place in places:
        if is_tests(place.name):
            yield from rule_files(place)
