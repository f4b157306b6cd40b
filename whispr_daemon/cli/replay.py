"""``whispr replay``: files through the whole daemon, as fast as it goes, and what it said."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from whispr_daemon import log
from whispr_daemon.bootstrap.assembly import Assembled, assembled
from whispr_daemon.cli.destination import destination
from whispr_daemon.cli.options import Format
from whispr_daemon.cli.rows import is_told, render, sorted_rows
from whispr_daemon.cli.serving import Stop, serve
from whispr_daemon.cli.terminal import (
    INTERRUPTED,
    QUARANTINED,
    REFUSED_ROWS,
    complain,
    err,
    note,
    out,
    warn,
)
from whispr_daemon.cli.waiting import shortened, stopped, waited_for
from whispr_daemon.engine.notices import SPEAKER
from whispr_daemon.ports.store import DeadLetter, Quarantine, StoredOutput
from whispr_daemon.settings import FilesSource, Settings, load

_PAGE: Final = 5_000
_SHOWN: Final = 5  # refused rows told of by name
# What these log is told at the end, once and by name.
_TOLD_AT_THE_END: Final = ("whispr.unit", "whispr.ingest")


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of a replay."""

    said: list[StoredOutput]
    refused: int  # rows
    letters: list[DeadLetter]  # the last of them
    quarantined: list[Quarantine]
    waiting: list[str]  # lines: what strategies still waited for at the end
    whole: bool  # nobody stopped it


def replay(config: Path | None, given: Mapping[str, Any], form: Format, to: Path | None) -> None:
    """Run files through rules and strategies and write what they say.

    Raises:
        WhisprError: it cannot start, or cannot go on.
        typer.Exit: it was stopped, rows were refused, or a strategy was.
    """
    with destination(to) as write, _folder(given) as folder:
        settings = load(config, _ephemeral(given, folder))
        log.configure("warning", settings.log.format, None)
        with log.told(warn, *_TOLD_AT_THE_END):
            result = serve(lambda stop: _replay(settings, stop))
        if not result.whole:
            complain("stopped before the end of the files; nothing is written")
            raise typer.Exit(INTERRUPTED)
        write(render(sorted_rows(result.said), form, out))
    _explain(result, settings)
    if result.quarantined:
        raise typer.Exit(QUARANTINED)
    if result.refused:
        raise typer.Exit(REFUSED_ROWS)


def _ephemeral(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the flags of a replay: nothing is sent, and with --strategy only rules asked for."""
    chosen = {**given, "data": folder, "outlets": []}
    if "strategies" in chosen:
        chosen.setdefault("rules", {"dir": None})
    chosen["rules"] = {**chosen.get("rules", {}), "watch": False}
    return chosen


async def _replay(settings: Settings, stop: Stop) -> _Result:
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
            return await _result(made, whole=not stop.asked)


def _announce(made: Assembled) -> None:
    made.announce()


async def _show_progress(made: Assembled) -> None:
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("rows taken in", total=made.source.total)
        while True:
            progress.update(task, completed=made.daemon.ingest.taken)
            await made.ports.clock.sleep(0.1)


async def _result(made: Assembled, *, whole: bool) -> _Result:
    event_log, store = made.ports.log, made.ports.store
    ends = [await event_log.last(each) for each in range(event_log.partitions)]
    return _Result(
        said=await _said(made),
        refused=made.daemon.ingest.refused,
        letters=list(await store.dead_letters(_SHOWN)),
        quarantined=list(await store.quarantined()),
        waiting=waited_for(await made.daemon.overseer.status(), ends),
        whole=whole,
    )


async def _said(made: Assembled) -> list[StoredOutput]:
    found: list[StoredOutput] = []
    cursors: dict[str, int] = {}
    while page := await made.ports.store.outputs(cursors, _PAGE):
        found += [each for each in page if is_told(each) and each.unit_id != SPEAKER]
        cursors.update({each.unit_id: each.out_seq for each in page})
    return found


def _explain(result: _Result, settings: Settings) -> None:
    """Say on standard error what the rows do not."""
    for line in shortened(stopped((each.unit_id, each.reason) for each in result.quarantined)):
        complain(line)
    if result.refused:
        rows = "1 row was" if result.refused == 1 else f"{result.refused} rows were"
        complain(f"{rows} refused and put aside; all others were taken in. The last:")
        for letter in result.letters:
            complain(f"  {letter.detail} ({letter.reason})")
    if not result.said and result.waiting:
        note("nothing was said; still waited for when all rows were read:", "yellow")
        for line in shortened(result.waiting):
            note(f"  {line}")
        source = settings.source
        daily = any("daily" in line for line in result.waiting)
        if daily and isinstance(source, FilesSource) and not source.history:
            note("daily bars come with --history FILE", "yellow")


@contextmanager
def _folder(given: Mapping[str, Any]) -> Iterator[Path]:
    if "data" in given:
        yield given["data"]
        return
    with TemporaryDirectory(prefix="whispr-replay-") as made:
        yield Path(made)
