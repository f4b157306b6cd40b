"""Stalls are kept over the end of the process, in a file beside the store."""

from pathlib import Path

from structlog.testing import capture_logs

from whispr_daemon.bootstrap.stalls import StallRecord
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.stall import Stall

ONE = Stall(task="spin/0", position=Position(1, 7), seconds=15.0, where="spin.py:6", at=5)
TWO = Stall(task="ingest", seconds=15.0, at=6)


def test_what_was_written_down_is_read_in_order(tmp_path: Path) -> None:
    record = StallRecord(tmp_path)
    assert record.read() == ()
    record.keep(())
    assert list(tmp_path.iterdir()) == []
    record.add(ONE)
    record.add(TWO)
    assert StallRecord(tmp_path).read() == (ONE, TWO)
    record.keep([TWO])
    assert record.read() == (TWO,)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_a_line_that_a_crash_left_half_written_is_passed_over(tmp_path: Path) -> None:
    record = StallRecord(tmp_path)
    record.add(ONE)
    with (tmp_path / "stalls.jsonl").open("a") as file:
        file.write('{"task":"spi')
    with capture_logs() as logged:
        assert record.read() == (ONE,)
    assert logged[0]["event"] == "line passed over"


def test_where_nothing_can_be_written_it_says_so_and_goes_on(tmp_path: Path) -> None:
    with capture_logs() as logged:
        StallRecord(tmp_path / "missing").add(ONE)
    assert logged[0]["event"] == "stall cannot be recorded"
