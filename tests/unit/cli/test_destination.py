"""Rows appear whole, or what was there before stays."""

from pathlib import Path

import pytest

from whispr_daemon.cli.destination import destination
from whispr_daemon.domain.errors import SettingsError


def test_without_a_file_rows_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with destination(None) as write:
        write("rows\n")
    assert capsys.readouterr().out == "rows\n"


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    with destination(file) as write:
        assert not file.exists()
        write("rows\n")
        assert file.read_text() == "rows\n"
    assert list(tmp_path.iterdir()) == [file]


def test_an_older_file_stays_if_nothing_is_written_and_keeps_its_mode_if_it_is(
    tmp_path: Path,
) -> None:
    file, link = tmp_path / "rows.csv", tmp_path / "link"
    file.write_text("old\n")
    file.chmod(0o640)
    link.symlink_to(file)
    with pytest.raises(KeyError), destination(link):
        raise KeyError
    assert file.read_text() == "old\n"
    with destination(link) as write:
        write("rows\n")
    assert link.is_symlink()
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("rows\n", 0o640)
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "link"}


def test_a_device_is_written_and_not_replaced() -> None:
    with destination(Path("/dev/null")) as write:
        write("rows\n")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("to", ["missing/rows.csv", ".", "/proc/rows.csv"])
def test_what_cannot_be_written_is_said_before_the_work(
    to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(SettingsError, match=rf"^--out {to} cannot be written: "),
        destination(Path(to)),
    ):
        pytest.fail("the work began")


def test_a_full_disk_is_a_sentence_too() -> None:
    full = Path("/dev/full")
    if not full.exists():  # only Linux has it
        return
    with (
        pytest.raises(SettingsError, match="cannot be written: No space left"),
        destination(full) as write,
    ):
        write("rows\n")
