"""The newest entries in memory: what a file would say, or nothing at all."""

from collections.abc import Sequence

from whispr_daemon.adapters.logs.newest import Newest
from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry

ROOM = 2**20  # bytes


def at(seq: int) -> Position:
    return Position(1, seq) if seq else ORIGIN


def entry(seq: int, rows: int = 2) -> Entry:
    return Entry(position=at(seq), rows=empty_rows(rows))


def with_entries(before: int, *seqs: int, room: int = ROOM) -> Newest:
    """Those of a log that ended with ``before``."""
    newest = Newest(room)
    for last, seq in zip((before, *seqs), seqs, strict=False):
        newest.add(entry(seq), at(last))
    return newest


def seqs(found: Sequence[Entry] | None) -> list[int] | None:
    return None if found is None else [each.position.seq for each in found]


def test_it_gives_what_comes_after_a_position_and_stops_before_too_many_rows() -> None:
    newest = with_entries(2, 3, 4, 7)

    assert seqs(newest.after(at(3), 100)) == [4, 7]
    assert seqs(newest.after(at(5), 100)) == [7], "between two entries"
    assert seqs(newest.after(at(3), 3)) == [4]
    assert seqs(newest.after(at(3), 1)) == [4], "the first is always given"
    assert seqs(newest.after(at(7), 100)) == []
    assert seqs(newest.after(Position(2, 0), 100)) == []


def test_only_the_file_knows_what_was_before_the_run() -> None:
    assert Newest(ROOM).after(ORIGIN, 100) is None
    assert with_entries(0, 3, 4).after(ORIGIN, 100) is None
    assert with_entries(2, 3, 4).after(at(2), 100) is None


def test_what_another_has_appended_begins_the_run_anew() -> None:
    newest = with_entries(2, 3, 4)
    newest.add(entry(7), at(6))

    assert newest.after(at(3), 100) is None
    assert newest.after(at(4), 100) is None, "5 and 6 are in the file"
    assert seqs(newest.after(at(7), 100)) == []


def test_after_something_unseen_it_knows_nothing_before_the_next_entry() -> None:
    newest = with_entries(2, 3, 4)
    newest.forget()
    assert newest.after(at(3), 100) is None
    newest.add(entry(6), at(5))
    assert newest.after(at(4), 100) is None, "5 may be in the file"
    assert seqs(newest.after(at(6), 100)) == []


def test_it_holds_the_last_ones_only() -> None:
    of_three = with_entries(0, 1, 2, 3).bytes
    newest = with_entries(0, 1, 2, 3, 4, 5, room=of_three)

    assert newest.bytes == of_three
    assert seqs(newest.after(at(2), 100)) == [3, 4, 5], "nothing is between 2 and 3"
    assert newest.after(at(1), 100) is None


def test_one_entry_is_held_however_large() -> None:
    assert seqs(with_entries(0, 1, 2, 3, room=1).after(at(2), 100)) == [3]
