"""The data folder: whose it is, which version wrote it, and what runs on it now."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.value import Value

ARCHIVED: Final = "backup.json"  # in a backup: nobody runs on that
RESTORING: Final = "restoring"  # in a folder that is being made of a backup

_VERSION: Final = 1  # of the folder's layout
_PRIVATE: Final = 0o700
_TRIES: Final = 1_000  # to get the lock from those who only look, each for some microseconds


class Running(Value, frozen=True, kw_only=True):
    """What a daemon leaves in its folder for commands that look at it from outside."""

    pid: int
    tier: int
    health_url: str
    postgres_url: str = ""  # without password
    redis_url: str = ""


class DataFolder:
    """Held by one daemon at a time, from :meth:`take` to :meth:`release` or the process's end.

    Whoever holds its lock runs. What its record says counts only while whoever wrote it holds a
    lock on that very file: a daemon that died says nothing, even while the next one starts.
    """

    def __init__(self, path: Path) -> None:
        """``path`` need not exist."""
        self.path = path.resolve()
        self._lock: IO[str] | None = None
        self._told: IO[str] | None = None
        self._running: Running | None = None

    def take(self) -> None:
        """Make the folder if it is missing, private, and hold it.

        Raises:
            SettingsError: another daemon holds it, a newer version wrote it, it is a backup or made
                of one by half, or it is not writable.
        """
        if (self.path / ARCHIVED).exists():
            raise SettingsError(
                f"{self.path} is a backup; make a data folder of it first, with "
                f"'whispr restore {self.path} --data FOLDER'"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            self._lock = _opened(self._lock_file, "a+")
            free = _locked(self._lock)
            if free:
                self._check_version()
                self._check_whole()
                self.retract()  # of a daemon that died without a word
        except OSError as error:
            self.release()
            raise SettingsError(
                f"data folder {self.path} cannot be written: {error.strerror}; "
                "set data (WHISPR_DATA, --data) to a folder this user may write to"
            ) from error
        if not free:
            self.release()
            holder = self.running()
            raise SettingsError(
                f"data folder {self.path} is in use by another daemon"
                f"{f' (process {holder.pid})' if holder else ''}; "
                "stop it, or set data (WHISPR_DATA, --data) to another folder"
            )

    def release(self) -> None:
        """Let the folder go."""
        for held in (self._told, self._lock):
            if held is not None:
                held.close()
        self._told = self._lock = None

    def check(self) -> None:
        """Make the folder if it is missing; raise what :meth:`take` would raise."""
        self.take()
        self.release()

    def announce(self, running: Running) -> None:
        """Say what runs here, for :meth:`running`, and once it has ended, for :meth:`tier`."""
        _write(self.path / "tier", f"{running.tier}\n").close()
        before = self._told
        self._told = _write(self._record_file, msgspec.json.encode(running).decode())
        self._running = running
        if before is not None:
            before.close()

    def move(self, health_url: str) -> None:
        """Say that the endpoints of what runs here answer somewhere else now."""
        if self._running is not None:
            self.announce(msgspec.structs.replace(self._running, health_url=health_url))

    def retract(self) -> None:
        """Say that nothing runs here any more."""
        self._record_file.unlink(missing_ok=True)
        self._running = None
        if self._told is not None:
            self._told.close()
            self._told = None

    def running(self) -> Running | None:
        """Return what runs on this folder, None if nothing does (or has only just begun to).

        Raises:
            SettingsError: the folder is another user's.
        """
        with self._readable(self._record_file) as record:
            if record is None or not _is_locked(record):
                return None
            try:
                return msgspec.json.decode(record.read(), type=Running)
            except (OSError, UnicodeError, msgspec.DecodeError):
                return None  # torn: it says nothing

    def held(self) -> bool:
        """Say whether a daemon holds this folder; whoever holds it does not notice.

        Raises:
            SettingsError: the folder is another user's.
        """
        with self._readable(self._lock_file) as lock:
            return lock is not None and _is_locked(lock)

    def tier(self) -> int | None:
        """Return the tier of the daemon that ran here last, None if none has."""
        try:
            found = (self.path / "tier").read_text(encoding="utf-8").strip()
        except OSError:
            return None
        return int(found) if found.isdecimal() else None

    def check_tier(self, tier: int) -> None:
        """Refuse a tier that nothing here is of: what another one holds would not be gone on with.

        Raises:
            SettingsError: a daemon of another tier ran here last.
        """
        last = self.tier()
        if last is not None and last != tier:
            raise SettingsError(
                f"data folder {self.path} is of tier {last}, and tier {tier} would begin anew "
                f"beside it; run it with --tier {last}, move it with 'whispr backup DIR' and "
                f"'whispr restore DIR --tier {tier} --data NEW', or set data (WHISPR_DATA, --data) "
                "to another folder"
            )

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def _record_file(self) -> Path:
        return self.path / "running.json"

    @contextmanager
    def _readable(self, path: Path) -> Iterator[IO[str] | None]:
        try:
            file = path.open(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:
            raise SettingsError(
                f"data folder {self.path} cannot be read: {error.strerror}; "
                "ask as the user whose daemon it is"
            ) from error
        with file:
            yield file

    def _check_whole(self) -> None:
        if (self.path / RESTORING).exists():
            self.release()
            raise SettingsError(
                f"data folder {self.path} is half of a backup: its restore did not end; "
                "give the command again, that begins anew"
            )

    def _check_version(self) -> None:
        marker = self.path / "version"
        if not marker.exists():
            _write(marker, f"{_VERSION}\n").close()
            return
        found = marker.read_text(encoding="utf-8", errors="replace").strip()
        if not found.isdecimal() or int(found) > _VERSION:
            self.release()
            raise SettingsError(
                f"data folder {self.path} is of version {found}, this Whispr knows up to "
                f"{_VERSION}; run the newer Whispr, or set data to another folder"
            )


def _locked(lock: IO[str]) -> bool:
    """Take a lock; False if a daemon has it. One that looks has it shared, and for a moment."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            fcntl.flock(lock, fcntl.LOCK_UN)
        else:
            return True
    return False


def _is_locked(file: IO[str]) -> bool:
    """Say whether a daemon has this file locked; the lock of one that only looks is shared."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _write(path: Path, text: str) -> IO[str]:
    """Write a file that only its owner may read; a crash leaves the old one or the new one.

    It is locked from the moment it can be seen until what is returned is closed.
    """
    made = path.with_suffix(".new")
    file = _opened(made, "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        made.replace(path)
    except BaseException:
        file.close()
        raise
    return file


def _opened(path: Path, mode: str) -> IO[str]:
    return open(path, mode, encoding="utf-8", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
