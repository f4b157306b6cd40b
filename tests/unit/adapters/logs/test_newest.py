"""The newest entries in memory: what a file would say, or nothing at all."""

from collections.abc import Sequence

import pytest

from whispr_daemon.adapters.logs import newest as module
from whispr_daemon.adapters.logs.newest import Newest
from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry


def entry(seq: int, rows: int = 2) -> Entry:
    return Entry(position=Position(1, seq), rows=empty_rows(rows))


def with_entries(*seqs: int) -> Newest:
    newest = Newest()
    for seq in seqs:
        newest.add(entry(seq))
    return newest


def seqs(found: Sequence[Entry] | None) -> list[int] | None:
    return None if found is None else [each.position.seq for each in found]


def test_it_gives_what_comes_after_a_position_and_stops_before_too_many_rows() -> None:
    newest = with_entries(3, 4, 7)

    assert seqs(newest.after(Position(1, 3), 100)) == [4, 7]
    assert seqs(newest.after(Position(1, 5), 100)) == [7], "between two entries"
    assert seqs(newest.after(Position(1, 3), 3)) == [4]
    assert seqs(newest.after(Position(1, 3), 1)) == [4], "the first is always given"
    assert seqs(newest.after(Position(1, 7), 100)) == []
    assert seqs(newest.after(Position(2, 0), 100)) == []


def test_only_the_file_knows_what_was_before_its_first_entry() -> None:
    assert Newest().after(ORIGIN, 100) is None
    assert with_entries(3, 4).after(ORIGIN, 100) is None
    assert with_entries(3, 4).after(Position(1, 2), 100) is None


def test_an_entry_appended_again_is_there_once() -> None:
    assert seqs(with_entries(3, 4, 3, 4).after(Position(1, 3), 100)) == [4]


def test_after_something_unseen_it_knows_nothing_before_the_next_entry() -> None:
    newest = with_entries(3, 4)
    newest.forget()
    assert newest.after(Position(1, 3), 100) is None
    newest.add(entry(6))
    assert newest.after(Position(1, 4), 100) is None, "5 may be in the file"
    assert seqs(newest.after(Position(1, 6), 100)) == []


@pytest.mark.parametrize(("name", "most"), [("_MOST", 3), ("_MOST_BYTES", 3 * 2 * 56)])
def test_it_holds_the_last_ones_only(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(module, name, most)
    newest = with_entries(1, 2, 3, 4, 5)

    assert seqs(newest.after(Position(1, 2), 100)) == [3, 4, 5], "nothing is between 2 and 3"
    assert newest.after(Position(1, 1), 100) is None


def test_one_entry_is_held_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 1)
    assert seqs(with_entries(1, 2, 3).after(Position(1, 2), 100)) == [3]
