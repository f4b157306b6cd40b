"""``whispr status``: how a daemon and its units stand."""

import json
import urllib.error
import urllib.request
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from whispr_daemon.bootstrap.folder import Running
from whispr_daemon.bootstrap.look import running
from whispr_daemon.cli import options
from whispr_daemon.cli.terminal import FAILED, complain, failures_in_words, machine, out
from whispr_daemon.domain.errors import WhisprError
from whispr_daemon.settings import Settings, load

_PATIENCE: Final = 5.0  # seconds
_STYLES: Final = {"live": "green", "quarantined": "red", "recovering": "yellow"}


class Form(StrEnum):
    """How the answer is written."""

    TABLE = "table"
    JSON = "json"


_Form = Annotated[Form, typer.Option("--format", help="How the answer is written.")]


def status(
    form: _Form = Form.TABLE, data: options.Data = None, config: options.Config = None
) -> None:
    """Show how the running daemon, its hosts and its units stand. Exit status 1: none runs."""
    with failures_in_words():
        settings = load(config, options.flags(data=data))
        found = running(settings)
        if found is None:
            complain(f"no daemon runs on data folder {settings.data}")
            raise typer.Exit(FAILED)
        answer = _ask(found, settings)
    if form is Form.JSON:
        machine(json.dumps({"pid": found.pid, **answer}, indent=1) + "\n")
        return
    ready = "[green]ready[/]" if answer["ready"] else "[yellow]not ready[/]"
    out.print(f"daemon {found.pid}, tier {answer['tier']}: {ready} · {found.health_url}")
    for reason in answer["reasons"]:
        out.print(f"  {reason}", style="yellow", markup=False)
    out.print(_table(answer))


def _ask(found: Running, settings: Settings) -> dict[str, Any]:
    request = urllib.request.Request(f"{found.health_url}/status")  # noqa: S310 - our own http URL
    if settings.health.token is not None:
        token = settings.health.token.get_secret_value()
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
    except (urllib.error.URLError, TimeoutError) as error:
        raise WhisprError(
            f"daemon {found.pid} runs, but {found.health_url} does not answer: {error}"
        ) from error
    return answer


def _table(answer: dict[str, Any]) -> Table:
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
                escape(unit["reason"] or waiting),
            )
    return table
