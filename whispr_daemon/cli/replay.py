"""``whispr replay``: files through the whole daemon, as fast as it goes, and what it said."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from whispr_daemon import log
from whispr_daemon.bootstrap.assembly import Assembled, assembled
from whispr_daemon.cli import options
from whispr_daemon.cli.rows import Format, render, sorted_rows
from whispr_daemon.cli.serving import Stop, serve
from whispr_daemon.cli.terminal import REFUSED_ROWS, complain, err, failures_in_words, machine, out
from whispr_daemon.ports.store import DeadLetter, StoredOutput
from whispr_daemon.settings import Settings, load

_PAGE: Final = 5_000
_SHOWN: Final = 5  # refused rows told of by name

_Files = Annotated[list[Path], typer.Argument(help="Parquet or CSV files of bars, trades, quotes.")]
_Strategy = Annotated[
    list[str] | None, typer.Option("--strategy", help="Run this plug-in strategy (repeatable).")
]
_Form = Annotated[Format, typer.Option("--format", help="How the rows are written.")]
_Out = Annotated[Path | None, typer.Option("--out", help="Write the rows to this file.")]


def replay(  # noqa: PLR0913 - a flag each
    files: _Files,
    history: options.History = None,
    symbols: options.Symbols = None,
    rules: options.Rules = None,
    strategy: _Strategy = None,
    tier: options.Tier = None,
    form: _Form = Format.TABLE,
    to: _Out = None,
    data: options.Data = None,
    speed: options.Speed = None,
    config: options.Config = None,
) -> None:
    """Run files through rules and strategies and print what they say, in order of event time.

    The data folder is a temporary one unless --data is given. Exit status 3: done, but rows of the
    files were refused; they are named on standard error.
    """
    with failures_in_words(), _folder(data) as folder:
        given = options.flags(
            tier=tier,
            data=folder,
            rules__dir=rules,
            health__port=0,
            source=options.files_source(files, history, symbols, speed),
        )
        given["outlets"] = []
        if strategy:
            given["strategies"] = [{"plugin": name} for name in strategy]
            given.setdefault("rules", {"dir": None})
        settings = load(config, given)
        log.configure("warning", settings.log.format, sys.stderr)
        stored, letters, refused = serve(lambda stop: _replay(settings, stop))
    text = render(sorted_rows(stored), form, out)
    if to is None:
        machine(text)
    else:
        to.write_text(text, encoding="utf-8")
    if refused:
        _tell_refused(refused, letters)
        raise typer.Exit(REFUSED_ROWS)


async def _replay(
    settings: Settings, stop: Stop
) -> tuple[list[StoredOutput], list[DeadLetter], int]:
    with err.status("starting") as status:
        async with assembled(settings, out, status.update) as made:
            stop.by(made.daemon.stop)
            status.stop()
            showing = asyncio.create_task(_show_progress(made))
            try:
                await made.daemon.run(to_end=True, started=lambda: _announce(made))
            finally:
                showing.cancel()
                await asyncio.gather(showing, return_exceptions=True)
            letters = await made.ports.store.dead_letters(_SHOWN)
            return await _said(made), list(letters), made.daemon.ingest.refused


def _announce(made: Assembled) -> None:
    made.announce()


async def _show_progress(made: Assembled) -> None:
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("rows taken in", total=made.source.total)
        while True:
            progress.update(task, completed=made.daemon.ingest.taken)
            await made.ports.clock.sleep(0.1)


async def _said(made: Assembled) -> list[StoredOutput]:
    found: list[StoredOutput] = []
    cursors: dict[str, int] = {}
    while page := await made.ports.store.outputs(cursors, _PAGE):
        found += page
        cursors.update({each.unit_id: each.out_seq for each in page})
    return found


def _tell_refused(refused: int, letters: list[DeadLetter]) -> None:
    complain(f"{refused} rows were refused and put aside; all others were taken in. The last:")
    for letter in letters:
        complain(f"  {letter.detail} ({letter.reason})")


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with TemporaryDirectory(prefix="whispr-replay-") as made:
        yield Path(made)
