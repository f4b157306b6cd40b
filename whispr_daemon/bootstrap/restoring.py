"""A data folder that is made of a backup: no daemon starts on it before all is in it."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey
from whispr_daemon.bootstrap.archive import Run, free, sync, write
from whispr_daemon.bootstrap.folder import RESTORING, DataFolder
from whispr_daemon.domain.errors import SettingsError

_PRIVATE: Final = 0o700
_KEPT: Final = frozenset({"logs", "lost+found"})  # are no daemon's data, and not ours to delete
_OF_NO_DAEMON: Final = _KEPT | {"lock", "version", "calendars"}  # looks and failed starts leave it


@contextmanager
def being_restored(data: Path, tier: int, run: Run) -> Iterator[Path]:
    """Hold a data folder without data; yield a folder in it for what is needed meanwhile.

    It is filled where it stands, for it may be a mount point, or in a folder that nobody may write
    to. It becomes private. What an earlier attempt left is deleted first.

    Raises:
        SettingsError: there is something else in it, or it cannot be written.
    """
    folder = DataFolder(data)
    try:
        if (data / RESTORING).exists() and not folder.held():
            run(_clear(data))
        free(data, besides=_OF_NO_DAEMON)
        folder.take()
        try:
            if data.stat().st_uid == os.geteuid():
                data.chmod(_PRIVATE)
            meanwhile = data / RESTORING
            meanwhile.mkdir()
            yield meanwhile
            write(data / "tier", f"{tier}\n".encode())
            sync(data)
            shutil.rmtree(meanwhile)
            sync(data)
        except BaseException:
            run(_clear(data))
            raise
        finally:
            folder.release()
    except OSError as error:
        raise SettingsError(f"{data} cannot be written: {error.strerror}") from error


async def _clear(data: Path) -> None:
    """Delete what a restore has made, the servers' data outside of the folder included."""
    await EmbeddedPostgres(SYSTEM_CLOCK).clear(data)
    await EmbeddedValkey(SYSTEM_CLOCK).clear(data)
    await asyncio.to_thread(_empty, data)


def _empty(data: Path) -> None:
    marker = data / RESTORING  # last: until then it is a half
    made = [each for each in data.iterdir() if each != marker and each.name not in _KEPT]
    for each in (*made, marker):
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a mount point stays
        data.rmdir()
