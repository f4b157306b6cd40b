"""``whispr units list|release``: how units stand, and the end of a quarantine."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.bootstrap.units import StoredUnit, release_at_rest, stored_units
from whispr_daemon.cli.endpoint import ask
from whispr_daemon.cli.options import Format
from whispr_daemon.cli.rows import iso
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import FAILED, NOT_READY, complain, machine, note, out
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.settings import Settings, load

_COLUMNS: Final = (
    "unit",
    "partition",
    "host",
    "state",
    "position",
    "committed",
    "lag_rows",
    "outputs",
    "since",
    "reason",
)
_NUMBERS: Final = ("partition", "lag_rows", "outputs")
_STYLES: Final = {"live": "green", "quarantined": "red", "recovering": "yellow"}


def list_units(config: Path | None, given: Mapping[str, Any], form: Format) -> None:
    """Print how every unit stands: from the store and, where a daemon runs, from its status.

    Raises:
        SettingsError: there is no store to read.
        WhisprError: the daemon does not answer.
    """
    settings = load(config, given)
    found = DataFolder(settings.data).running()
    stored = serve(lambda _stop: stored_units(settings))
    rows = [_row(each, told) for each, told in _told(stored, found, settings)]
    if form is Format.JSON:
        machine(json.dumps(rows, indent=1) + "\n")
    elif form is Format.CSV:
        machine(_csv(rows))
    else:
        _show(rows)
        if found is None:
            note("no daemon runs: this is what the store holds", "dim")


def release(config: Path | None, given: Mapping[str, Any], unit_id: str) -> None:
    """Take a unit out of quarantine, and say what will be done.

    Raises:
        SettingsError: there is no such unit, or no store to read.
        WhisprError: the daemon does not answer.
        typer.Exit: the unit is in no quarantine, or a daemon is only starting.
    """
    settings = load(config, given)
    folder = DataFolder(settings.data)
    stored = serve(lambda _stop: stored_units(settings))
    unit = stored.get(unit_id)
    if unit is None:
        names = ", ".join(stored) or "none"
        raise SettingsError(f"there is no unit {unit_id!r}; there are {names}")
    found = folder.running()
    if found is None and folder.held():
        complain(f"the daemon is only starting on data folder {settings.data}; try again")
        raise typer.Exit(NOT_READY)
    if unit.held is None or not _release(found, settings, unit_id):
        complain(f"unit {unit_id} is not in quarantine: there is nothing to release it from")
        raise typer.Exit(FAILED)
    last = unit.mark.wm if unit.mark else "the start"
    when = "the running daemon takes it up now" if found else "the next start takes it up"
    out.print(
        f"unit {unit_id} is released; {when}: it goes on from its last commit ({last}) and reads "
        f"again what it failed at ({unit.held.position})",
        markup=False,
        soft_wrap=True,
    )


def _release(found: Running | None, settings: Settings, unit_id: str) -> bool:
    if found is None:
        return serve(lambda _stop: release_at_rest(settings, unit_id))
    return bool(ask(found, settings, "/units/release", {"unit": unit_id})["released"])


def _told(
    stored: Mapping[str, StoredUnit], found: Running | None, settings: Settings
) -> Sequence[tuple[StoredUnit, Mapping[str, Any]]]:
    """Pair each unit with what the running daemon says of it, which may be nothing."""
    hosts = ask(found, settings, "/status")["hosts"] if found else ()
    told = {
        unit["unit_id"]: {**unit, "up": host["up"]}
        for host in hosts
        if host["report"]
        for unit in host["report"]["units"]
    }
    return [(each, told.get(name, {})) for name, each in stored.items()]


def _row(unit: StoredUnit, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a unit's cells in the order of the columns; None where nobody knows."""
    committed = str(unit.mark.wm) if unit.mark else None
    held, mark = unit.held, unit.mark
    position: str | None
    if held is not None:
        state, position = "quarantined", str(held.position)
    elif not told:
        state, position = "stopped" if mark else "new", committed
    else:
        state = told["state"] if told["up"] else "away"
        position = "-".join(str(part) for part in told["position"])
    cells = (
        unit.unit_id,
        unit.partition,
        unit.host_id,
        state,
        position,
        committed,
        told.get("lag_rows") if held is None else None,
        mark.out_seq if mark else 0,
        iso(held.since) if held else None,
        held.reason if held else None,
    )
    return dict(zip(_COLUMNS, cells, strict=True))


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _show(rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for column in _COLUMNS[:-1]:
        table.add_column(
            column.replace("_rows", ""),
            justify="right" if column in _NUMBERS else "left",
            no_wrap=True,
        )
    for row in rows:
        cells = ["" if row[each] is None else escape(str(row[each])) for each in _COLUMNS[:-1]]
        table.add_row(*cells, style=_STYLES.get(row["state"], ""))
    out.print(table)
    for row in rows:
        if row["reason"]:
            out.print(f"{row['unit']}: {row['reason']}", style="red", markup=False, soft_wrap=True)
