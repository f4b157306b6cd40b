"""Copies SQLite files as all of them are at one moment, while other processes write to them."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from whispr_daemon.domain.errors import Transient

_PATIENCE_SECONDS: Final = 5.0  # for a lock somebody else holds
_TRIES: Final = 20_000  # to find a moment in which nothing is committed: each is some 0.1 ms
_PAGES: Final = 1_000  # copied between two words of progress

Told: TypeAlias = Callable[[str, int, int], None]  # what is copied, how much so far, of how much


class Copy(NamedTuple):
    """A file to be copied, and where to. That must not exist."""

    file: Path
    to: Path


def copy_together(copies: Sequence[Copy], told: Told = lambda *_: None) -> None:
    """Copy files; on return all copies are on disk. Their writers neither wait nor notice.

    Raises:
        Transient: a file is away or locked, there is no room, or something is committed all the
            time.
    """
    try:
        with ExitStack() as stack:
            held = [stack.enter_context(closing(_opened(each.file))) for each in copies]
            _hold(held, [stack.enter_context(closing(_opened(each.file))) for each in copies])
            for connection, each in zip(held, copies, strict=True):
                _copy(connection, each.to, told)
    except sqlite3.Error as error:
        names = ", ".join(str(each.file) for each in copies)
        raise Transient(f"cannot copy {names}: {error}") from error


def settle(path: Path) -> None:
    """Make a file that nobody has open whole by itself, and wait until it is on disk.

    What it is copied with again is not left in a second one, a write-ahead log.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=_PATIENCE_SECONDS,
        isolation_level=None,
    )


def _hold(held: Sequence[sqlite3.Connection], watching: Sequence[sqlite3.Connection]) -> None:
    """Begin to read all files at one moment: nothing was committed to any from first to last."""
    for _ in range(_TRIES):
        before = [_commits(each) for each in watching]
        for each in held:
            each.execute("BEGIN")
            each.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the moment is taken
        if before == [_commits(each) for each in watching]:
            return
        for each in held:
            each.execute("ROLLBACK")
    raise Transient(
        f"in none of {_TRIES:,} tries were all files still for the tenth of a millisecond that it "
        "takes; try again when less is going on"
    )


def _commits(connection: sqlite3.Connection) -> int:
    """Return what is another number after a commit of anybody else."""
    (found,) = connection.execute("PRAGMA data_version").fetchone()
    return int(found)


def _copy(connection: sqlite3.Connection, to: Path, told: Told) -> None:
    with closing(sqlite3.connect(to, isolation_level=None)) as made:
        connection.backup(
            made,
            pages=_PAGES,
            progress=lambda _, left, pages: told(f"pages of {to.name}", pages - left, pages),
        )
    settle(to)
