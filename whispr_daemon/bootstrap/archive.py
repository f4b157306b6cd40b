"""An archive: a data folder of tier 0 that nobody runs on, and a manifest that says if it is whole.

It is the same whatever tier it was made of. Its manifest is written last, and the folder gets its
name once all of it is on disk.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from glob import escape
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final, TypeAlias

import msgspec

from whispr_daemon.bootstrap.folder import ARCHIVED
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.value import Value
from whispr_daemon.engine.copying import Told

Run: TypeAlias = Callable[[Coroutine[Any, Any, None]], None]  # on an event loop, to its end

STORE: Final = "store.db"
LOG: Final = "log.db"

_FORMAT: Final = 1
_HALF: Final = ".partial"
_CHUNK: Final = 1 << 22  # bytes
_MEGA: Final = 1_000_000


class Filed(Value, frozen=True, kw_only=True):
    """A file as it was copied."""

    size: int  # bytes
    sha256: str  # hex, as of ``sha256sum``


class About(Value, frozen=True, kw_only=True):
    """What an archive says of itself."""

    format: int
    whispr: str  # the version that made it
    created: int  # ns UTC, when copying began: all of before is in it
    data: str  # the folder it is of
    tier: int  # of the daemon it is of
    files: dict[str, Filed]

    @property
    def size(self) -> int:
        """Bytes of log and store."""
        return sum(each.size for each in self.files.values())


def is_archive(folder: Path) -> bool:
    """Say whether a folder is one, or was."""
    return (folder / ARCHIVED).exists()


def about(folder: Path) -> About:
    """Return what an archive says of itself.

    Raises:
        SettingsError: it is none.
    """
    try:
        found = msgspec.json.decode((folder / ARCHIVED).read_bytes(), type=About)
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(
            f"{folder} is no backup: {ARCHIVED} cannot be read ({error}); name a folder that "
            "'whispr backup' made"
        ) from error
    if found.format > _FORMAT:
        raise SettingsError(
            f"backup {folder} is of format {found.format}, made by whispr {found.whispr}; this one "
            f"knows formats up to {_FORMAT}"
        )
    return found


def checked(folder: Path, told: Told) -> About:
    """Return what an archive says of itself, which is so.

    Raises:
        SettingsError: it is none, or not whole; what is missing is named.
    """
    found = about(folder)
    for name in (STORE, LOG):
        if name not in found.files:
            raise _torn(folder, f"{ARCHIVED} does not name {name}")
    for name, filed in found.files.items():
        file = folder / name
        try:
            size = file.stat().st_size
        except OSError as error:
            raise _torn(folder, f"{name} cannot be read: {error.strerror}") from error
        if size != filed.size:
            raise _torn(folder, f"{name} has {size:,} of {filed.size:,} bytes")
        if _digest(file, told) != filed.sha256:
            raise _torn(folder, f"{name} is not what was copied: its SHA-256 is another")
    return found


def finish(folder: Path, data: Path, tier: int, begun: int, told: Told) -> About:
    """Make an archive of the log and the store that were put into a folder.

    Args:
        folder: holds both.
        data: the folder they are of.
        tier: of the daemon they are of.
        begun: ns UTC; whatever was durable then is in them.
        told: told how far it is.
    """
    write(folder / "version", b"1\n")
    write(folder / "tier", b"0\n")  # that is its form
    files = {
        name: Filed(size=(folder / name).stat().st_size, sha256=_digest(folder / name, told))
        for name in (STORE, LOG)
    }
    made = About(
        format=_FORMAT,
        whispr=version("whispr-daemon"),
        created=begun,
        data=str(data),
        tier=tier,
        files=files,
    )
    write(folder / ARCHIVED, msgspec.json.format(msgspec.json.encode(made)))
    return made


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Yield a private folder that gets its name once all in it is on disk, or vanishes.

    Raises:
        SettingsError: there is something already, or it cannot be written there.
    """
    free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_halves(target)
        made = Path(mkdtemp(prefix=f".{target.name}.", suffix=_HALF, dir=target.parent))
        with _held(made):
            try:
                yield made
                sync(made)
                made.rename(target)
                sync(target.parent)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
    except OSError as error:
        raise SettingsError(f"{target} cannot be written: {error.strerror}") from error


def free(target: Path, besides: Collection[str] = ()) -> None:
    """Check that nothing is there, or a folder that is empty but for names that do not count.

    Raises:
        SettingsError: there is something.
    """
    if target.exists() and (
        not target.is_dir() or any(each.name not in besides for each in target.iterdir())
    ):
        raise SettingsError(f"{target} is there already; move it away, or name another folder")


def write(path: Path, body: bytes) -> None:
    """Write a file; on return it is on disk."""
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """Wait until what is in a folder is so on disk: its names."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold a folder until this process leaves or ends; yield False if another one does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _clear_halves(target: Path) -> None:
    """Delete what killed attempts at the same target have left."""
    for half in target.parent.glob(f".{escape(target.name)}.*{_HALF}"):
        with _held(half) as dead:
            if dead:
                shutil.rmtree(half, ignore_errors=True)


def _torn(folder: Path, why: str) -> SettingsError:
    return SettingsError(f"backup {folder} is not whole: {why}; use another copy of it")


def _digest(file: Path, told: Told) -> str:
    digest, done, size = sha256(), 0, file.stat().st_size
    with file.open("rb") as body:
        while chunk := body.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            told(f"MB of {file.name}, its SHA-256", done // _MEGA, size // _MEGA)
    return digest.hexdigest()
