"""Whose data folder it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.domain.errors import SettingsError

RUNNING = Running(pid=os.getpid(), tier=0, health_url="http://127.0.0.1:1")


def test_a_folder_is_made_private_and_held_until_released(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "data"
    first, second = DataFolder(path), DataFolder(path)
    first.take()
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(SettingsError, match="in use by another daemon"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_a_folder_of_a_newer_version_is_refused_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("2\n")
    for _ in range(2):
        with pytest.raises(SettingsError, match="is of version 2, this Whispr knows up to 1"):
            DataFolder(tmp_path).take()


def test_what_runs_is_told_to_others_while_it_lives(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.running() is None
    folder.announce(RUNNING)
    assert folder.running() == RUNNING
    folder.retract()
    assert folder.running() is None


def test_a_daemon_that_died_without_a_word_does_not_count_as_running(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    DataFolder(tmp_path).announce(Running(pid=dead.pid, tier=0, health_url=""))
    assert DataFolder(tmp_path).running() is None
