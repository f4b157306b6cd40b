"""Rule documents, read from where the settings or the command line say they are."""

import os
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Final, NamedTuple

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.load import TESTS_SUFFIX, RuleFile

_SUFFIXES: Final = (".yaml", ".yml")
_TESTS_FOLDER: Final = "tests"
_LARGEST: Final = 64 << 20  # bytes: daily bars of many years; a rule's own limit is much lower


class Found(NamedTuple):
    """Rule files as they are, and what is wrong with those that cannot be read, by path."""

    files: tuple[RuleFile, ...]
    unreadable: dict[str, str]  # path: path:1:1: why


def rule_files(folder: Path | None) -> tuple[RuleFile, ...]:
    """Return the rule documents of a folder (or the one file), in the order of names.

    None means no rules.

    Raises:
        SettingsError: there is no such folder or file, or one cannot be read.
    """
    return tuple(RuleFile(path=str(path), text=_read(path)) for path in _paths(folder))


def readable_files(folder: Path) -> Found:
    """Return the rule documents that can be read now, in the order of names, and the others.

    Raises:
        SettingsError: there is no such folder or file, or the folder cannot be read.
    """
    files, unreadable = [], {}
    for path in _paths(folder):
        try:
            files.append(RuleFile(path=str(path), text=_read(path)))
        except SettingsError as error:
            unreadable[str(path)] = f"{path}:1:1: {error}"
    return Found(tuple(files), unreadable)


def golden_files(paths: Iterable[str]) -> Iterator[RuleFile]:
    """Yield the ``X.test.yaml`` of rule files: beside each, and in ``tests/`` beside it.

    Raises:
        SettingsError: one cannot be read.
    """
    for path in map(Path, paths):
        name = f"{path.stem}{TESTS_SUFFIX}"
        for place in (path.with_name(name), path.parent / _TESTS_FOLDER / name):
            if place.is_file():
                yield RuleFile(path=str(place), text=_read(place))


def daily_files(paths: Iterable[str]) -> dict[str, str]:
    """Return the texts of the CSV files beside rule files and their tests, by path.

    What cannot be read is left out: a test that asks for it says so.
    """
    places = {Path(path).parent for path in paths}
    places |= {place / _TESTS_FOLDER for place in places}
    texts = {}
    for path in (path for place in sorted(places) for path in place.glob("*.csv")):
        with suppress(SettingsError):
            texts[str(path)] = _read(path)
    return texts


def look(folder: Path) -> Hashable:
    """Return what is another as soon as a rule file or a test is edited, added or deleted."""
    seen: list[tuple[object, ...]] = []
    for place in (folder, folder / _TESTS_FOLDER) if folder.is_dir() else (folder,):
        try:
            entries = list(os.scandir(place)) if place.is_dir() else [place]
            for entry in entries:
                if _is_shown(entry.name) and Path(entry.name).suffix in (*_SUFFIXES, ".csv"):
                    status = entry.stat()
                    told = (status.st_mtime_ns, status.st_size, status.st_ino)
                    seen.append((str(place), entry.name, *told))
        except OSError as error:  # between two moments of an edit; or for good, which is told
            seen.append((str(place), str(error)))
    return tuple(sorted(seen, key=str))


def _paths(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise SettingsError(f"rules.dir {folder}: there is no such file or folder")
    try:
        found = [
            path for path in folder.iterdir() if path.suffix in _SUFFIXES and _is_shown(path.name)
        ]
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be read: {error.strerror}") from error
    return sorted(path for path in found if not path.stem.endswith(".test"))


def _is_shown(name: str) -> bool:
    """Whether a file is a user's: editors keep locks and drafts in files that begin with a dot."""
    return not name.startswith(".")


def _read(path: Path) -> str:
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise SettingsError(f"{path}: is no file")  # a pipe would be waited for
        if status.st_size > _LARGEST:
            raise SettingsError(f"{path}: {status.st_size:,} bytes; at most {_LARGEST:,} are read")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
