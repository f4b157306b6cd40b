"""The data folder: whose it is, which version wrote it, and what runs on it now."""

import fcntl
import os
from pathlib import Path
from typing import IO, Final

import msgspec

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.value import Value

_VERSION: Final = 1  # of the folder's layout
_PRIVATE: Final = 0o700


class Running(Value, frozen=True, kw_only=True):
    """What a daemon leaves in its folder for commands that look at it from outside."""

    pid: int
    tier: int
    health_url: str
    postgres_url: str = ""  # without password
    redis_url: str = ""


class DataFolder:
    """Held by one daemon at a time, from :meth:`take` to :meth:`release` or the process's end."""

    def __init__(self, path: Path) -> None:
        """``path`` need not exist."""
        self.path = path.resolve()
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Make the folder if it is missing, and hold it.

        Raises:
            SettingsError: another daemon holds it, a newer version wrote it, or it is not writable.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            self._lock = (self.path / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise SettingsError(
                f"data folder {self.path} cannot be written: {error.strerror}; "
                "set data (WHISPR_DATA, --data) to a folder this user may write to"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise SettingsError(
                f"data folder {self.path} is in use by another daemon{self._holder()}; "
                "stop it, or set data (WHISPR_DATA, --data) to another folder"
            ) from error
        self._check_version()

    def release(self) -> None:
        """Let the folder go."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def announce(self, running: Running) -> None:
        """Say what runs here, for :meth:`running`."""
        made = self._record.with_suffix(".new")
        made.write_bytes(msgspec.json.encode(running))
        made.chmod(0o600)
        made.replace(self._record)

    def retract(self) -> None:
        """Say that nothing runs here any more."""
        self._record.unlink(missing_ok=True)

    def running(self) -> Running | None:
        """Return what runs on this folder, None if nothing does."""
        try:
            running = msgspec.json.decode(self._record.read_bytes(), type=Running)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return running if _alive(running.pid) else None

    @property
    def _record(self) -> Path:
        return self.path / "running.json"

    def _holder(self) -> str:
        running = self.running()
        return f" (process {running.pid})" if running else ""

    def _check_version(self) -> None:
        marker = self.path / "version"
        if not marker.exists():
            marker.write_text(f"{_VERSION}\n", encoding="utf-8")
            return
        found = marker.read_text(encoding="utf-8").strip()
        if not found.isdecimal() or int(found) > _VERSION:
            self.release()
            raise SettingsError(
                f"data folder {self.path} is of version {found}, this Whispr knows up to "
                f"{_VERSION}; run the newer Whispr, or set data to another folder"
            )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
