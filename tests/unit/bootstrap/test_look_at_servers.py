"""Servers that rest are started to be looked at by nobody but the user whose they are."""

import asyncio
import os
from pathlib import Path

import pytest

from whispr_daemon.bootstrap.archive import write
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.bootstrap.look_at_servers import woken
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.settings import Settings


def test_in_another_users_folder_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    DataFolder(tmp_path).check()
    (tmp_path / "lock").unlink()
    write(tmp_path / "tier", b"1\n")
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)  # also root is somebody else

    async def look() -> None:
        async with woken(Settings(tier=1, data=tmp_path)):
            pytest.fail("they were started")

    with pytest.raises(SettingsError, match=f"belongs to uid {owner}.*ask as the user whose"):
        asyncio.run(look())
    assert {each.name for each in tmp_path.iterdir()} == {"tier", "version"}
