"""Rule files to changes in the store, and changes in the store back to files."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path, PurePath

from typing_extensions import override

from whispr_daemon.bootstrap.rule_files import (
    daily_files,
    golden_files,
    look,
    readable_files,
    rule_files,
)
from whispr_daemon.bootstrap.rule_functions import plug_in_functions
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.rule_watch import Prepared, Workshop
from whispr_daemon.ports.store import Change, Store
from whispr_daemon.rules.change import RuleChange, decode, differs, first, settled
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.reading.inputs import NO_UNIVERSES, Universes

KEPT = 20  # versions that people are shown; the store keeps all


class Version(Value, frozen=True, kw_only=True):
    """The rule files as they were from one change on."""

    number: int
    created: int  # ns UTC
    files: tuple[RuleFile, ...]
    broken: tuple[str, ...] = ()  # mistakes of files that were kept as they had been before


class Folder(Workshop):
    """The rules' folder, or their one file."""

    def __init__(self, path: Path, universes: Universes = NO_UNIVERSES) -> None:
        """``path`` need not exist at all times; ``universes`` are those of the settings."""
        self._path = path
        self._universes = universes

    @override
    def look(self) -> Hashable:
        """Return what differs when something was edited."""
        return look(self._path)

    @override
    def prepare(self, before: bytes) -> Prepared:
        """Return the change that the files are now, with a broken one as it was before."""
        old = decode(before) if before else RuleChange()
        new = self._settled(old)
        body = new.encode() if differs(new, old) else None
        return Prepared(body=body, refused=new.refused)

    def _settled(self, old: RuleChange) -> RuleChange:
        try:
            found = readable_files(self._path)
        except SettingsError as error:  # all rules go on, and this is told
            missing = {file.path: f"{self._path}:1:1: {error}" for file in old.files}
            return settled((), old, self._failed, missing, self._universes)
        return settled(found.files, old, self._failed, found.unreadable, self._universes)

    def _failed(self, files: Sequence[RuleFile]) -> Mapping[str, str]:
        return failed_tests(files, self._universes)


def first_change(folder: Path | None, universes: Universes = NO_UNIVERSES) -> RuleChange:
    """Return what the files say, for a daemon that has no earlier version of them.

    Raises:
        SettingsError: with every mistake found, or there is no such folder.
    """
    files = rule_files(folder)
    plug_in_functions()
    loaded = load(files, universes=universes)
    if loaded.errors:
        raise SettingsError("\n".join(str(error) for error in loaded.errors))
    return first(files, loaded)


async def begin(
    store: Store,
    folder: Path | None,
    fresh: RuleChange | None = None,
    universes: Universes = NO_UNIVERSES,
) -> None:
    """Make what the files say now the newest change, if it is not.

    Before there was a good version of the rules, a mistake ends the start; later on the version
    before stays, as while running. ``fresh`` is the first change, where it was looked at already.

    Raises:
        SettingsError: a mistake, or there is no such folder.
    """
    if folder is None:
        return
    newest = await store.changes(1)
    if not newest:
        await store.add_change((fresh or first_change(folder, universes)).encode())
        return
    body = _edited(folder, newest[-1].body, universes)
    if body is not None:
        await store.add_change(body)


def _edited(folder: Path, before: bytes, universes: Universes) -> bytes | None:
    if not folder.exists():
        rule_files(folder)  # says so: a start is not a moment of an edit
    return Folder(folder, universes).prepare(before).body


def refs_of(body: bytes) -> Sequence[str]:
    """Return the symbols that the rules of a change refer to."""
    return decode(body).refs


def failed_tests(
    files: Sequence[RuleFile], universes: Universes = NO_UNIVERSES
) -> Mapping[str, str]:
    """Run the golden tests of rule files; return the first mistake of each that fails, by path."""
    # Imported here: a start without an edited file needs none of it.
    from whispr_daemon.rules.golden.runner import is_tests, rule_paths, run

    paths = [file.path for file in files]
    tests: list[RuleFile] = []
    mistakes: list[tuple[str, str]] = []
    for path in paths:
        try:
            tests += golden_files([path])
        except SettingsError as error:
            mistakes.append((path, f"{path}:1:1: its tests: {error}"))
    report = run((*files, *tests), daily_files(paths), universes)
    mistakes += [(each.path, str(each)) for each in report.diagnostics]
    for result in report.results:
        mistakes += [
            (
                result.path,
                f"{result.path}:{each.line}:{each.column}: test {result.name!r} failed: "
                f"expected {each.expected}, got {each.got}",
            )
            for each in result.failures
        ]
    failed: dict[str, str] = {}
    for path, message in mistakes:
        homes = rule_paths(path) if is_tests(path) else (path,)
        rule = next((home for home in homes if home in paths), paths[0])
        failed.setdefault(rule, message)
    return failed


async def versions(store: Store, limit: int = KEPT) -> Sequence[Version]:
    """Return the newest versions of the rules, oldest of them first."""
    return [_version(change) for change in await store.changes(limit)]


async def version(store: Store, number: int) -> Version:
    """Return a version by its number.

    Raises:
        SettingsError: there is none of that number.
    """
    found = await store.change(number)
    if found is None:
        newest = await store.changes(1)
        known = f"the newest is {newest[-1].number}" if newest else "there is none yet"
        raise SettingsError(f"there is no version {number} of the rules; {known}")
    return _version(found)


def write_back(found: Version, folder: Path) -> Sequence[Path]:
    """Make the rule files of a folder (or the one file) what they were; return what was touched.

    A running daemon follows, as any other edit: a rollback is one more change. Tests are left.

    Raises:
        SettingsError: the folder cannot be written.
    """
    wanted = {_place(folder, file.path): file.text for file in found.files}
    touched = []
    try:
        for file in rule_files(folder):
            path = Path(file.path)
            if path not in wanted:
                path.unlink()
                touched.append(path)
            elif wanted[path] == file.text:
                del wanted[path]
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
            touched.append(path)
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be written: {error}") from error
    return touched


def _place(folder: Path, path: str) -> Path:
    return folder if folder.is_file() else folder / PurePath(path).name


def _version(change: Change) -> Version:
    found = decode(change.body)
    return Version(
        number=change.number, created=change.created, files=found.files, broken=found.broken
    )
