"""``whispr status``: how a daemon and its units stand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.cli.endpoint import ask
from whispr_daemon.cli.options import Answer
from whispr_daemon.cli.terminal import FAILED, NOT_READY, complain, machine, out
from whispr_daemon.cli.waiting import stopped
from whispr_daemon.settings import load

_STYLES: Final = {"live": "green", "quarantined": "red", "recovering": "yellow"}


def status(config: Path | None, given: Mapping[str, Any], form: Answer) -> None:
    """Print how the running daemon, its hosts and its units stand.

    Raises:
        WhisprError: it does not answer.
        typer.Exit: none runs, or it is not ready.
    """
    settings = load(config, given)
    folder = DataFolder(settings.data)
    found = folder.running()
    if found is None:
        begun = folder.held()
        what = "the daemon is only starting" if begun else "no daemon runs"
        complain(f"{what} on data folder {settings.data}")
        raise typer.Exit(NOT_READY if begun else FAILED)
    answer = ask(found, settings, "/status")
    if form is Answer.JSON:
        machine(json.dumps({"pid": found.pid, **answer}, indent=1) + "\n")
    else:
        _show(found, answer)
    if not answer["ready"]:
        raise typer.Exit(NOT_READY)


def _show(found: Running, answer: Mapping[str, Any]) -> None:
    ready = "[green]ready[/]" if answer["ready"] else "[yellow]not ready[/]"
    out.print(f"daemon {found.pid}, tier {answer['tier']}: {ready} · {found.health_url}")
    reports = [host["report"] for host in answer["hosts"] if host["report"]]
    units = [unit for report in reports for unit in report["units"]]
    told = (*_reasons(answer["reasons"], units), *_stopped(units), *answer.get("warnings", ()))
    for reason in told:
        out.print(f"  {reason}", style="yellow", markup=False, soft_wrap=True)
    out.print(_table(answer))


def _reasons(reasons: Sequence[str], units: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the reasons that are not those of a quarantine."""
    told = [unit["reason"] for unit in units if unit["state"] == "quarantined"]
    return [each for each in reasons if not any(each.endswith(f": {why}") for why in told)]


def _stopped(units: Sequence[Mapping[str, Any]]) -> list[str]:
    quarantined = [unit for unit in units if unit["state"] == "quarantined"]
    return stopped((unit["unit_id"], unit["reason"]) for unit in quarantined)


def _table(answer: Mapping[str, Any]) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for column in ("unit", "state", "position", "rows", "lag", "said", "host", "pid", "restarts"):
        numeric = column in ("rows", "lag", "said", "pid", "restarts")
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    table.add_column("waiting for")
    for host in answer["hosts"]:
        report = host["report"]
        for unit in report["units"] if report else ():
            waiting = "; ".join(f"{what}: {how}" for what, how in unit["warmup"].items())
            state = unit["state"] if host["up"] else "away"
            table.add_row(
                unit["unit_id"],
                f"[{_STYLES.get(state, 'dim')}]{state}[/]",
                "-".join(str(part) for part in unit["position"]),
                *(str(unit[key]) for key in ("rows", "lag_rows", "outputs")),
                host["host_id"],
                str(report["pid"]),
                str(host["restarts"]),
                escape(waiting),
            )
    return table
