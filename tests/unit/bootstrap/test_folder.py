"""Whose data folder it is."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.domain.errors import SettingsError

RUNNING = Running(pid=os.getpid(), tier=0, health_url="http://127.0.0.1:1")


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[DataFolder]:
    """A folder that a daemon holds, as another process sees it: locks are of open files."""
    folder = DataFolder(tmp_path)
    folder.take()
    yield folder
    folder.release()


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


def test_a_folder_of_the_user_keeps_its_mode_and_gets_private_files(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = DataFolder(tmp_path)
    folder.take()
    folder.announce(RUNNING)
    folder.release()
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_what_runs_is_told_to_others_while_it_holds_the_folder(taken: DataFolder) -> None:
    other = DataFolder(taken.path)
    assert (other.held(), other.running()) == (True, None)  # it has only begun
    taken.announce(RUNNING)
    assert other.running() == RUNNING
    with pytest.raises(SettingsError, match=rf"another daemon \(process {RUNNING.pid}\)"):
        other.take()
    taken.retract()
    assert other.running() is None


def test_a_daemon_that_died_without_a_word_does_not_run_whoever_has_its_number_now(
    taken: DataFolder,
) -> None:
    taken.announce(Running(pid=1, tier=1, health_url=""))
    taken.release()
    assert (taken.held(), taken.running()) == (False, None)
    assert taken.tier() == 1
    taken.take()
    assert taken.running() is None


@pytest.mark.parametrize("torn", [b"", b'{"pid":1', b"[]", b"\xff"])
def test_a_torn_record_says_nothing(torn: bytes, taken: DataFolder) -> None:
    taken.announce(RUNNING)
    (taken.path / "running.json").write_bytes(torn)
    assert taken.running() is None


def test_while_the_next_daemon_starts_the_one_that_died_says_nothing(
    taken: DataFolder, tmp_path: Path
) -> None:
    taken.announce(RUNNING)
    record = (taken.path / "running.json").read_bytes()
    taken.release()
    taken.take()
    (taken.path / "running.json").write_bytes(record)  # it has the lock, and has not come to this
    assert (taken.held(), taken.running()) == (True, None)


def test_whose_endpoints_move_says_so_from_then_on(taken: DataFolder) -> None:
    taken.move("http://127.0.0.1:7")  # nothing was announced: nothing has moved
    assert taken.running() is None
    taken.announce(RUNNING)
    taken.move("http://127.0.0.1:8")
    taken.move("http://127.0.0.1:9")
    found = DataFolder(taken.path).running()
    assert found == msgspec.structs.replace(RUNNING, health_url="http://127.0.0.1:9")
    taken.retract()
    taken.move("http://127.0.0.1:10")
    assert taken.running() is None


def test_to_look_does_not_disturb(tmp_path: Path) -> None:
    folder, other = DataFolder(tmp_path), DataFolder(tmp_path)
    assert not other.held()
    folder.check()
    folder.take()
    for _ in range(3):
        assert other.held()
    with pytest.raises(SettingsError, match="in use by another daemon"):
        other.check()
    folder.release()
    assert not other.held()


def test_where_nothing_ever_ran_there_is_no_tier(tmp_path: Path) -> None:
    assert DataFolder(tmp_path / "missing").tier() is None
    assert not DataFolder(tmp_path / "missing").held()


def test_a_folder_of_another_tier_is_refused_with_the_ways_out(taken: DataFolder) -> None:
    taken.check_tier(1)
    taken.announce(Running(pid=1, tier=0, health_url=""))
    taken.check_tier(0)
    with pytest.raises(SettingsError, match=r"is of tier 0.*--tier 0.*restore DIR --tier 1"):
        taken.check_tier(1)
