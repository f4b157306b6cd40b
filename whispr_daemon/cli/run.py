"""``whispr run``: the daemon, until it is told to stop."""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from whispr_daemon import log
from whispr_daemon.bootstrap.assembly import assembled
from whispr_daemon.cli import options
from whispr_daemon.cli.serving import Stop, serve
from whispr_daemon.cli.terminal import err, failures_in_words, machine, out
from whispr_daemon.settings import Settings, SimulatedSource, load

_Source = Annotated[
    list[str] | None,
    typer.Option("--source", help="simulated, or a Parquet or CSV file (repeatable)."),
]
_Print = Annotated[bool, typer.Option("--print-config", help="Show the settings and end.")]


def run(  # noqa: PLR0913 - a flag each
    tier: options.Tier = None,
    config: options.Config = None,
    data: options.Data = None,
    rules: options.Rules = None,
    source: _Source = None,
    history: options.History = None,
    symbols: options.Symbols = None,
    speed: options.Speed = None,
    print_config: _Print = False,  # noqa: FBT002 - a flag
) -> None:
    """Run the daemon: rules and strategies over a source, until Ctrl-C or SIGTERM."""
    with failures_in_words():
        chosen = _source(source, history, symbols, speed)
        given = options.flags(tier=tier, data=data, rules__dir=rules, source=chosen)
        settings = load(config, given)
        if print_config:
            machine(settings.masked())
            return
        with _journal(settings) as stream:
            log.configure(settings.log.level, settings.log.format, stream)
            serve(lambda stop: _serve(settings, stop))


async def _serve(settings: Settings, stop: Stop) -> None:
    with err.status("starting") as status:
        tell = status.update if err.is_terminal else _say
        async with assembled(settings, out, tell) as made:
            stop.by(made.daemon.stop)

            def started() -> None:
                status.stop()
                url = made.announce()
                if isinstance(settings.source, SimulatedSource):
                    err.print(
                        "SIMULATED market: made-up prices, not real data", style="bold yellow"
                    )
                err.print(
                    f"tier {settings.tier} · source {made.source.name} · data {settings.data}\n"
                    f"health {url}/readyz · metrics {url}/metrics · Ctrl-C stops",
                    soft_wrap=True,
                )

            await made.daemon.run(to_end=False, started=started)
    err.print("stopped; the next start goes on here", style="dim")


def _say(what: str) -> None:
    err.print(f"{what} …", style="dim")


def _source(
    source: list[str] | None,
    history: list[Path] | None,
    symbols: str | None,
    speed: float | None,
) -> dict[str, Any] | None:
    if source and source != ["simulated"]:
        return options.files_source([Path(each) for each in source], history, symbols, speed)
    chosen = options.flags(
        kind="simulated" if source else None,
        symbols=options.split(symbols),
        speed=speed,
    )
    return chosen or None


def _journal(settings: Settings) -> AbstractContextManager[TextIO]:
    """Return where the log goes: its file, or standard error, unless a person looks at that."""
    file = settings.log.file
    if file is None and err.is_terminal:
        file = settings.data / "logs" / "daemon.log"
    if file is None:
        return nullcontext(sys.stderr)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("a", encoding="utf-8")
