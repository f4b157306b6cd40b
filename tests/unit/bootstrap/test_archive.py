"""An archive appears whole, or not at all."""

from pathlib import Path

import msgspec
import pytest

from whispr_daemon.bootstrap.archive import LOG, STORE, appearing, checked, finish, write
from whispr_daemon.domain.errors import SettingsError


def silent(_what: str, _done: int, _whole: int) -> None:
    """Nobody looks."""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of two files that are no databases."""
    target = tmp_path / "archive"
    with appearing(target) as made:
        write(made / STORE, b"store")
        write(made / LOG, b"a longer log")
        finish(made, Path("/data"), 1, 99, silent)
    return target


def test_one_that_is_whole_says_what_it_is_of(archive: Path) -> None:
    found = checked(archive, silent)
    assert (found.data, found.tier, found.created, found.size) == ("/data", 1, 99, 17)
    assert {each.name for each in archive.iterdir()} == {
        *(STORE, LOG, "backup.json", "tier", "version")
    }


def test_what_it_must_have_is_missed_also_where_the_manifest_does_not_name_it(
    archive: Path,
) -> None:
    manifest = archive / "backup.json"
    told = msgspec.json.decode(manifest.read_bytes())
    del told["files"][LOG]
    manifest.write_bytes(msgspec.json.encode(told))
    with pytest.raises(SettingsError, match=r"is not whole: backup.json does not name log.db"):
        checked(archive, silent)


def test_one_of_a_newer_whispr_is_refused(archive: Path) -> None:
    manifest = archive / "backup.json"
    told = msgspec.json.decode(manifest.read_bytes())
    manifest.write_bytes(msgspec.json.encode({**told, "format": 2}))
    with pytest.raises(SettingsError, match=r"is of format 2, made by whispr .* up to 1"):
        checked(archive, silent)


def test_an_attempt_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def attempt() -> None:
        with appearing(tmp_path / "archive") as made:
            write(made / STORE, b"store")
            raise OSError(28, "No space left on device")

    with pytest.raises(SettingsError, match="archive cannot be written: No space left on device"):
        attempt()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_attempt_left_is_cleared_away_and_what_is_being_made_is_not(
    tmp_path: Path,
) -> None:
    left = tmp_path / ".archive.abc.partial"
    other = tmp_path / ".another.abc.partial"
    for each in (left, other):
        each.mkdir()
        write(each / STORE, b"half")
    with appearing(tmp_path / "archive") as first:
        assert not left.exists()
        with appearing(tmp_path / "archive") as second:
            write(second / STORE, b"second")
        assert first.exists()
        write(first / STORE, b"first")
        (tmp_path / "archive" / STORE).unlink()
    assert (tmp_path / "archive" / STORE).read_bytes() == b"first"
    assert other.exists()


def test_where_there_is_something_nothing_is_written(tmp_path: Path) -> None:
    write(tmp_path / "mine", b"mine")

    def attempt() -> None:
        with appearing(tmp_path):
            pytest.fail("it was begun")

    with pytest.raises(SettingsError, match="is there already"):
        attempt()
