"""What servers have on a folder is deleted, wherever it is; what is another folder's stays."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey
from whispr_daemon.domain.errors import SettingsError


def outside(folder: Path, owner: Path) -> Path:
    """Data of a Postgres of root's, which is not in its folder."""
    place = folder / "outside" / "abc"
    (place / "data").mkdir(parents=True)
    (place / "belongs_to").write_text(str(owner))
    (folder / "postgres").mkdir()
    (folder / "postgres" / "elsewhere").write_text(str(place))
    return place


def left_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_data_outside_goes_with_the_folder(tmp_path: Path) -> None:
    place = outside(tmp_path, tmp_path / "postgres")
    (tmp_path / "valkey" / "data").mkdir(parents=True)
    await EmbeddedPostgres(SYSTEM_CLOCK).clear(tmp_path)
    await EmbeddedValkey(SYSTEM_CLOCK).clear(tmp_path)
    assert not place.exists()
    assert left_in(tmp_path) == ["outside"]


async def test_data_of_another_folder_stays(tmp_path: Path) -> None:
    place = outside(tmp_path, tmp_path / "another")
    with pytest.raises(SettingsError, match="belongs to"):
        await EmbeddedPostgres(SYSTEM_CLOCK).clear(tmp_path)
    assert place.exists()


async def test_where_there_is_nothing_nothing_is_made(tmp_path: Path) -> None:
    await EmbeddedPostgres(SYSTEM_CLOCK).clear(tmp_path)
    await EmbeddedValkey(SYSTEM_CLOCK).clear(tmp_path)
    assert left_in(tmp_path) == []


class Disk:
    """One of its deletions fails, that of this number; they are counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
        self.deletions, self._fails = 0, fails
        for name in ("unlink", "rmdir"):
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, delete: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> None:
            self.deletions += 1
            if self.deletions == self._fails:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            delete(*arguments, **named)

        return call


@pytest.mark.parametrize("server", [EmbeddedPostgres, EmbeddedValkey])
async def test_what_could_not_all_be_deleted_is_deleted_when_asked_again(
    server: type[EmbeddedPostgres | EmbeddedValkey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = 0
    while True:
        folder, fails = tmp_path / str(fails), fails + 1
        (folder / "outside").mkdir(parents=True)
        place = outside(folder, folder / "postgres")
        for each in (place / "data", place, folder / "postgres", folder / "valkey" / "data"):
            each.mkdir(parents=True, exist_ok=True)
            (each / "file").touch()
        made = server(SYSTEM_CLOCK)
        with monkeypatch.context() as patched:
            disk = Disk(patched, fails)
            try:
                await made.clear(folder)
            except OSError:
                assert disk.deletions == fails
        if disk.deletions < fails:
            break  # it needs no more than those before
        await made.clear(folder)
        if server is EmbeddedPostgres:
            assert not place.exists()
            assert sorted(left_in(folder)) == ["outside", "valkey"]
        else:
            assert sorted(left_in(folder)) == ["outside", "postgres"]
    assert fails > 3
