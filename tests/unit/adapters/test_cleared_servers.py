"""What servers have on a folder is deleted, wherever it is; what is another folder's stays."""

from pathlib import Path

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
