"""Files through the whole daemon to signals in its store, as ``whispr replay`` does it.

One partition: where one process folds all of them, more of them only mean more ticks of the clock.

Beside it, bare, one after the other: the same columns of the same files are read, as many bytes as
the log has of rows appended to a file, and the same outputs inserted into a table like the store's,
indexes included. Appends and inserts are made durable in groups about as large as the daemon's.
"""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow.parquet as pq
from rich.console import Console

from tests.benchmarks.bars import Files
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.stores.rows import output_rows
from whispr_daemon.adapters.stores.statements import read_migrations, read_queries
from whispr_daemon.bootstrap.assembly import Assembled, assembled
from whispr_daemon.cli.serving import serve
from whispr_daemon.domain.batch import EVENT_DTYPE
from whispr_daemon.domain.outputs import Output, Signal, written
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.ports.store import Commit
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.settings import Settings

_PAGE: Final = 5_000
_APPENDED: Final = 32_768  # rows
_INSERTED: Final = 10_000  # outputs
_CREATED: Final = 1_700_000_000_000_000_000  # ns: of all of them, as of those of a commit
_COLUMNS: Final = ("ts", "symbol", "open", "high", "low", "close", "volume")
# What threads of a daemon are for, by what their names begin with.
_THREADS: Final = {
    "MainThread": "the loop: gate, rules, outputs",
    "asyncio": "files read",
    "digest": "files read",
    "market-log": "log",
    "store": "store",
    "kernels": "kernels loaded",
}


class Stored(NamedTuple):
    """A replay."""

    seconds: float  # from files to the last signal durable; with the daemon's start and stop
    signals: Sequence[Output]
    outputs: Sequence[Output]  # the signals, and what is for the audit
    logged: int  # rows, with ticks of the clock
    start: float  # seconds until the source is taken in: its files are read by then
    processor: Mapping[str, float]  # seconds, by what they went to

    @property
    def others(self) -> int:
        """How many outputs are for the audit."""
        return len(self.outputs) - len(self.signals)


def replayed(
    files: Files,
    symbols: Sequence[str],
    rules: Sequence[RuleFile],
    kernels: Path | None,
    folder: Path,
) -> Stored:
    """Run a replay on a new folder, which is deleted then.

    ``kernels`` has them compiled, as a daemon that compiles them meanwhile folds the slow way;
    None: without.
    """
    folder.mkdir()
    written_rules, data = folder / "rules", folder / "data"
    written_rules.mkdir()
    for each in rules:
        (written_rules / each.path).write_text(each.text)
    data.mkdir(mode=0o700)
    if kernels is not None:
        shutil.copytree(kernels, data / "kernels")
    settings = Settings.model_validate(
        {
            "data": data,
            "partitions": 1,
            "rules": {"dir": written_rules, "watch": False, "jit": "auto" if kernels else "off"},
            "source": {
                "kind": "files",
                "paths": (files.minutes,),
                "history": (files.days,),
                "symbols": tuple(symbols),
            },
            "outlets": (),
            "health": {"port": 0},
        }
    )
    try:
        return serve(lambda _: _replayed(settings))
    finally:
        shutil.rmtree(folder)


async def _replayed(settings: Settings) -> Stored:
    began, before = SYSTEM_CLOCK.monotonic(), _processor()
    start = 0.0

    def started() -> None:
        nonlocal start
        start = SYSTEM_CLOCK.monotonic() - began

    async with assembled(settings, Console(quiet=True)) as made:
        await made.daemon.run(to_end=True, started=started)
        seconds = SYSTEM_CLOCK.monotonic() - began
        processor = {name: spent - before.get(name, 0.0) for name, spent in _processor().items()}
        tail = await made.ports.log.tail(0)
        said = await _said(made)
    signals = [each for each in said if isinstance(each, Signal)]
    return Stored(seconds, signals, said, tail.offset if tail else 0, start, processor)


def _processor() -> dict[str, float]:
    """Return the seconds of processor that threads have had, by what they are for."""
    spent = dict.fromkeys(_THREADS.values(), 0.0)
    if not hasattr(time, "pthread_getcpuclockid"):  # not on macOS
        return spent
    for thread in threading.enumerate():
        name = next((text for head, text in _THREADS.items() if thread.name.startswith(head)), "")
        if name and thread.ident is not None:
            spent[name] += time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    return spent


async def _said(made: Assembled) -> list[Output]:
    found: list[Output] = []
    cursors: dict[str, int] = {}
    while page := await made.ports.store.outputs(cursors, _PAGE):
        found += [each.output for each in page]
        cursors.update({each.unit_id: each.out_seq for each in page})
    return found


def bare(files: Files, stored: Stored, folder: Path) -> Mapping[str, float]:
    """Return the seconds of what a replay cannot do without, each by itself.

    ``folder`` is made, and deleted then.
    """
    folder.mkdir()
    outputs = tuple(written(each) for each in stored.outputs)
    commit = Commit(
        unit_id="rules/0",
        epoch=1,
        old=ORIGIN,
        new=ORIGIN,
        out_seq=len(outputs),
        out_hash="",
        outputs=outputs,
    )
    rows = output_rows(commit)
    marks = [SYSTEM_CLOCK.monotonic()]
    try:
        for path in files:
            found = pq.ParquetFile(path, read_dictionary=["symbol"]).schema_arrow.names
            pq.read_table(path, columns=[name for name in _COLUMNS if name in found])
        marks.append(SYSTEM_CLOCK.monotonic())
        _appended(stored.logged, folder / "log")
        marks.append(SYSTEM_CLOCK.monotonic())
        _inserted(rows, folder / "store.db")
        marks.append(SYSTEM_CLOCK.monotonic())
    finally:
        shutil.rmtree(folder)
    names = ("bare read of the files", "bare append of the log", "bare insert of the outputs")
    taken = (end - begin for begin, end in pairwise(marks))
    return dict(zip(names, taken, strict=True))


def _appended(rows: int, path: Path) -> None:
    sync = getattr(os, "fdatasync", os.fsync)  # not on macOS
    group = bytes(range(256)) * (_APPENDED * EVENT_DTYPE.itemsize // 256)
    with path.open("wb", buffering=0) as file:
        for begin in range(0, rows, _APPENDED):
            file.write(group[: (min(rows, begin + _APPENDED) - begin) * EVENT_DTYPE.itemsize])
            sync(file.fileno())


def _inserted(rows: Sequence[tuple[str | int, ...]], path: Path) -> None:
    insert = read_queries("sqlite")["add_output"]
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        for script in read_migrations("sqlite", 0, str(path)).values():
            connection.executescript(script)
        for begin in range(0, len(rows), _INSERTED):
            connection.execute("BEGIN IMMEDIATE")
            some = rows[begin : begin + _INSERTED]
            connection.executemany(insert, [(*row, _CREATED) for row in some])
            connection.execute("COMMIT")
    connection.close()
