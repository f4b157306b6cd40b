"""A data folder copied while a daemon runs on it, and a data folder made of such a copy.

A copy is log and store as both are at one moment, so what a daemon started on it finds is what a
crash at that moment would have left.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import msgspec

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.sqlite_copy import Copy, Told, copy_together
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.value import Value
from whispr_daemon.settings import Settings

_FORMAT: Final = 1
_ABOUT: Final = "backup.json"
_DATABASES: Final = ("store.db", "log.db")
_TEXTS: Final = ("version", "tier")


class About(Value, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: int
    whispr: str  # the version that made it
    created: int  # ns UTC
    data: str  # the folder it is of


def back_up(settings: Settings, target: Path, told: Told) -> int:
    """Copy the data folder to a folder that is not there yet; return its size in bytes.

    It appears once it is whole. It is a data folder itself: it can be looked at and verified.

    Raises:
        SettingsError: there is nothing to copy, on tier 1, or it cannot be written there.
        Transient: the files cannot be copied now.
    """
    folder = DataFolder(settings.data)
    found = folder.running()
    if (found.tier if found else folder.tier() or 0) != 0:
        raise SettingsError(
            f"data folder {folder.path} is of tier 1: its Postgres and its log in Valkey cannot be "
            "copied at one moment from here; stop the daemon, copy the whole folder with "
            f"'cp -a {folder.path} …', and start it again (with servers of your own, stop the "
            "daemon and back up both as their manuals say)"
        )
    about = About(
        format=_FORMAT,
        whispr=version("whispr-daemon"),
        created=SYSTEM_CLOCK.now(),
        data=str(folder.path),
    )
    return _copied(folder.path, target, told, [(_ABOUT, msgspec.json.encode(about))])


def restore(settings: Settings, source: Path, told: Told) -> About:
    """Make the data folder of the settings from a backup; return what that says of itself.

    Raises:
        SettingsError: it is no whole backup, or the data folder is not empty.
        Transient: the files cannot be copied now.
    """
    about = _about(source)
    if DataFolder(source).held():
        raise SettingsError(f"a daemon runs on backup {source}; stop it, or restore another")
    _copied(source, DataFolder(settings.data).path, told, [])
    return about


def _about(source: Path) -> About:
    try:
        about = msgspec.json.decode((source / _ABOUT).read_bytes(), type=About)
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(
            f"{source} is no backup: {_ABOUT} cannot be read ({error}); name a folder that "
            "'whispr backup' made"
        ) from error
    if about.format > _FORMAT:
        raise SettingsError(
            f"backup {source} is of format {about.format}, made by whispr {about.whispr}; this one "
            f"knows formats up to {_FORMAT}"
        )
    return about


def _copied(source: Path, target: Path, told: Told, more: Sequence[tuple[str, bytes]]) -> int:
    if missing := [name for name in _DATABASES if not (source / name).is_file()]:
        raise SettingsError(f"{source} holds no {missing[0]}: there is nothing to copy")
    try:
        with _appearing(target) as made:
            copy_together([Copy(source / name, made / name) for name in _DATABASES], told)
            texts = [(name, source / name) for name in _TEXTS]
            for name, body in [(name, path.read_bytes()) for name, path in texts if path.exists()]:
                _write(made / name, body)
            for name, body in more:
                _write(made / name, body)
            return sum(file.stat().st_size for file in made.iterdir())
    except OSError as error:
        raise SettingsError(f"{target} cannot be written: {error.strerror}") from error


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """Yield a private folder that gets its name once all in it is on disk, or vanishes."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SettingsError(f"{target} is there already; move it away, or name another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield made
        _sync(made)
        made.rename(target)
        _sync(target.parent)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _write(path: Path, body: bytes) -> None:
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
