"""Calendars that are kept: the same as made anew, and made anew where they cannot be trusted."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from whispr_daemon.rules.columns import calendars
from whispr_daemon.rules.columns.calendars import calendar, keep_in
from whispr_daemon.rules.columns.sessions import Sessions

NAME = "XLON"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]) -> Iterator[Path]:
    monkeypatch.setattr(calendars, "_kept_in", [])
    kept = tmp_path / "data" / "calendars"
    keep_in(kept, told.append)
    calendar.cache_clear()
    yield kept
    calendar.cache_clear()


def columns(sessions: Sessions) -> list[object]:
    arrays = (sessions.date, sessions.open, sessions.close, sessions.midnights)
    return [sessions.name, sessions.timezone, *(array.tolist() for array in arrays)]


def asked_again() -> Sessions:
    """As the next process asks."""
    calendar.cache_clear()
    return calendar(NAME)


@pytest.fixture
def without_the_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def gone() -> None:
        monkeypatch.setitem(sys.modules, "exchange_calendars", None)  # to import it fails

    return gone


def test_the_next_process_reads_the_same_and_does_not_need_the_library(
    folder: Path, without_the_library: Callable[[], None]
) -> None:
    made = columns(calendar(NAME))
    without_the_library()
    assert columns(asked_again()) == made
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ImportError):
        calendar("XPAR")


@pytest.mark.parametrize("torn", [b"", b"\0" * 50], ids=["empty", "zeros"])
def test_what_is_torn_is_made_anew(folder: Path, torn: bytes) -> None:
    made = columns(calendar(NAME))
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(torn or whole[:-8])
    assert columns(asked_again()) == made
    assert kept.read_bytes() == whole


def test_what_another_version_of_the_library_said_is_not_read(
    folder: Path, without_the_library: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    calendar(NAME)
    without_the_library()
    monkeypatch.setattr(calendars, "version", lambda _: "99.0")
    with pytest.raises(ImportError):
        asked_again()


def test_where_the_time_zones_rules_changed_it_is_made_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch, without_the_library: Callable[[], None]
) -> None:
    midnights = calendar(NAME).midnights
    monkeypatch.setattr(Sessions, "midnights", np.append(midnights[:-1], midnights[-1] + 1))
    without_the_library()
    with pytest.raises(ImportError):
        asked_again()


def test_a_folder_that_cannot_be_written_costs_only_time(folder: Path, told: list[str]) -> None:
    folder.parent.write_text("a file, where a folder is to be")
    kept = columns(calendar(NAME))
    folder.parent.unlink()
    assert columns(asked_again()) == kept
    assert len(list(folder.iterdir())) == 1
    assert [what.split(":")[0] for what in told] == [
        "calendar XLON is kept, and cannot be read",
        "calendar XLON cannot be kept, so each process makes it anew",
    ]
