"""A folder that a backup is restored to is filled where it stands, and is nobody's until then."""

import asyncio
import stat
from pathlib import Path

import pytest

from whispr_daemon.bootstrap.archive import write
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.bootstrap.restoring import being_restored
from whispr_daemon.domain.errors import SettingsError


def restored(data: Path) -> None:
    """Restore one file."""
    with being_restored(data, 0, asyncio.run) as made:
        write(made / "store.db", b"restored")
        (made / "store.db").rename(data / "store.db")


def names(folder: Path) -> set[str]:
    """What is in a folder."""
    return {each.name for each in folder.iterdir()}


def test_an_empty_folder_is_filled_where_it_stands_as_a_mount_point_must_be(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "lost+found").mkdir()
    before = data.stat().st_ino
    restored(data)
    assert data.stat().st_ino == before
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert names(data) == {"lost+found", "lock", "store.db", "tier", "version"}
    assert DataFolder(data).tier() == 0
    assert names(tmp_path) == {"data"}


def test_what_a_look_or_a_failed_first_start_leaves_is_no_data(tmp_path: Path) -> None:
    DataFolder(tmp_path / "data").check()
    for each in ("calendars", "logs"):
        (tmp_path / "data" / each).mkdir()
    restored(tmp_path / "data")
    assert DataFolder(tmp_path / "data").tier() == 0


@pytest.mark.parametrize("name", ["tier", "store.db", "mine"])
def test_where_there_is_data_nothing_is_touched(tmp_path: Path, name: str) -> None:
    DataFolder(tmp_path).check()
    write(tmp_path / name, b"1\n")
    with pytest.raises(SettingsError, match="is there already"):
        restored(tmp_path)
    assert names(tmp_path) == {"lock", "version", name}
    assert (tmp_path / name).read_bytes() == b"1\n"


def test_nobody_starts_on_a_half_and_the_next_attempt_begins_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with being_restored(data, 0, asyncio.run), pytest.raises(SettingsError, match="in use"):
        DataFolder(data).take()
    (data / "tier").unlink()  # as if it had been killed before
    (data / "restoring").mkdir()
    write(data / "log.db", b"half")
    with pytest.raises(SettingsError, match="is half of a backup"):
        DataFolder(data).take()
    restored(data)
    assert names(data) == {"lock", "store.db", "tier", "version"}


def test_an_attempt_that_fails_leaves_nothing_but_logs(tmp_path: Path) -> None:
    (tmp_path / "data" / "logs").mkdir(parents=True)
    (tmp_path / "data" / "calendars").mkdir()

    def attempt() -> None:
        with being_restored(tmp_path / "data", 0, asyncio.run) as made:
            write(made / "store.db", b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(SettingsError, match="data cannot be written: No space left on device"):
        attempt()
    assert names(tmp_path / "data") == {"logs"}
