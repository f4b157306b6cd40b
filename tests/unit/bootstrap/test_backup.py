"""A backup says since when it may lack something, and what commands make of it is private."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.logs.sqlite import SqliteEventLog
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.archive import LOG, STORE
from whispr_daemon.bootstrap.backup import back_up
from whispr_daemon.cli import app
from whispr_daemon.settings import Settings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in which nothing was said yet."""
    folder = tmp_path / "data"
    folder.mkdir()

    async def fill() -> None:
        await (await SqliteStore.open(folder / STORE)).close()
        await (await SqliteEventLog.open(folder / LOG, 1)).close()

    asyncio.run(fill())
    return folder


def test_its_time_is_before_all_copying(data: Path, tmp_path: Path) -> None:
    copied_at: list[int] = []

    def told(_what: str, _done: int, _whole: int) -> None:
        copied_at.append(SYSTEM_CLOCK.now())

    before = SYSTEM_CLOCK.now()
    made = back_up(Settings(data=data), tmp_path / "made", told, asyncio.run)
    assert before <= made.created <= copied_at[0]


def test_nobody_else_may_read_the_files_of_a_backup_and_of_what_is_restored(
    data: Path, tmp_path: Path
) -> None:
    made, again = tmp_path / "made", tmp_path / "again"
    mask = os.umask(0o022)
    try:
        for arguments in (["backup", made, "--data", data], ["restore", made, "--data", again]):
            ended = CliRunner().invoke(app, [*map(str, arguments)])
            assert ended.exit_code == 0, ended.stderr
        assert os.umask(0o022) == 0o022  # of whatever else this process does
    finally:
        os.umask(mask)
    for folder in (made, again):
        assert {STORE, LOG, "tier", "version"} <= {each.name for each in folder.iterdir()}
        modes = {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
        assert (modes, stat.S_IMODE(folder.stat().st_mode)) == ({0o600}, 0o700)
