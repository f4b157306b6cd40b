"""``whispr verify``: does the log, folded again, say what was said?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from whispr_daemon import log
from whispr_daemon.bootstrap.archive import checked, is_archive
from whispr_daemon.bootstrap.verification import verified
from whispr_daemon.cli.options import Answer
from whispr_daemon.cli.progress import progress
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import FAILED, machine, note, out, warn
from whispr_daemon.domain.outputs import Output, encode
from whispr_daemon.engine.parity import Parity, Verdict
from whispr_daemon.settings import load

_STYLES: Final = {
    Verdict.SAME: "green",
    Verdict.DIFFERS: "red",
    Verdict.UNVERIFIED: "yellow",
    Verdict.KEPT: "dim",
}


def verify(
    config: Path | None,
    given: Mapping[str, Any],
    units: Sequence[str],
    form: Answer,
    *,
    from_snapshot: bool,
) -> None:
    """Fold the log again and compare; print how each unit compares.

    Raises:
        SettingsError: there is no such unit, no log or no store, or it is a backup by half.
        typer.Exit: a unit is not the same, or cannot be compared.
    """
    settings = load(config, given)
    log.configure("warning", settings.log.format, None)
    if is_archive(settings.data):
        with progress() as told:
            checked(settings.data, told)
    with log.told(warn), progress() as told:
        found = serve(lambda _stop: verified(settings, units, told, from_snapshot=from_snapshot))
    if form is Answer.JSON:
        rows = [_plain(parity) for parity in found]
        machine(msgspec.json.format(msgspec.json.encode(rows), indent=1).decode() + "\n")
    else:
        _show(found)
    if any(parity.verdict in (Verdict.DIFFERS, Verdict.UNVERIFIED) for parity in found):
        raise typer.Exit(FAILED)


def _show(found: Sequence[Parity]) -> None:
    if not found:
        note("no unit has run on this data folder yet")
        return
    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for column in ("unit", "from", "to", "rows", "outputs", "verdict"):
        right = column in ("rows", "outputs")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    for parity in found:
        table.add_row(
            parity.unit_id,
            str(parity.begin),
            str(parity.end),
            f"{parity.rows:,}",
            f"{parity.outputs:,}",
            f"[{_STYLES[parity.verdict]}]{parity.verdict}[/]",
        )
    out.print(table)
    for parity in found:
        for line in _told(parity):
            style = _STYLES[parity.verdict]
            out.print(line, style=style, markup=False, soft_wrap=True)


def _told(parity: Parity) -> Iterator[str]:
    if parity.reason:
        yield f"{parity.unit_id}: {parity.reason}"
    if parity.first is not None:
        for side, output in (("log says", parity.first.log), ("stored is", parity.first.store)):
            yield f"  {side:<9} {_written(output)}"


def _written(output: Output | None) -> str:
    return "nothing" if output is None else f"{output.id} {encode(output).decode()}"


def _plain(parity: Parity) -> dict[str, Any]:
    """Return a row of the answer for machines; positions are written as they are everywhere."""
    row = msgspec.to_builtins(parity)
    row |= {"begin": str(parity.begin), "end": str(parity.end)}
    if parity.first is not None:
        row["first"]["position"] = str(parity.first.position)
    plain: dict[str, Any] = row
    return plain
