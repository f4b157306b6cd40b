"""What people type: the commands and their flags. What each does is imported when it is called.

So the help, and commands that need little, do not wait for the libraries of the others.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from whispr_daemon.cli import options
from whispr_daemon.cli.rule_app import rules_app
from whispr_daemon.cli.terminal import failures_in_words, machine

app = typer.Typer(
    name="whispr",
    help="Runs trading rules and strategies over market data; loses and repeats no signal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
strategies_app = typer.Typer(help="Python strategies.", no_args_is_help=True)
units_app = typer.Typer(help="Units: strategies, each on a partition.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
app.add_typer(strategies_app, name="strategies")
app.add_typer(units_app, name="units")

_Source = Annotated[
    list[str] | None,
    typer.Option("--source", help="simulated, or a Parquet or CSV file (repeatable)."),
]
_Print = Annotated[bool, typer.Option("--print-config", help="Show the settings and end.")]
_Files = Annotated[list[Path], typer.Argument(help="Parquet or CSV files of bars, trades, quotes.")]
_Strategy = Annotated[
    list[str] | None, typer.Option("--strategy", help="Run this plug-in strategy (repeatable).")
]
_Out = Annotated[Path | None, typer.Option("--out", help="Write the rows to this file.")]
_Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is said next.")]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="How many of the newest.")]
_Units = Annotated[list[str] | None, typer.Argument(help="Units, as in 'whispr status'; else all.")]
_FromSnapshot = Annotated[
    bool, typer.Option("--from-snapshot", help="Begin at the oldest snapshot: much less to fold.")
]
_Unit = Annotated[str, typer.Argument(help="The unit, as in 'whispr units list'.")]
_Target = Annotated[Path, typer.Argument(help="Folder to make; it must not be there yet.")]
_Backup = Annotated[Path, typer.Argument(help="Folder that 'whispr backup' made.")]


def main() -> None:
    """Run the command line."""
    app()


def _say_version(asked: bool) -> None:  # noqa: FBT001 - a flag
    if asked:
        machine(f"whispr {version('whispr-daemon')}\n")
        raise typer.Exit


_Version = Annotated[
    bool,
    typer.Option("--version", callback=_say_version, is_eager=True, help="Say which, and end."),
]


@app.callback()
def _whispr(asked: _Version = False) -> None:  # noqa: FBT002 - a flag
    """Take the flags that belong to no command; the text above is the help."""


@app.command()
def run(  # noqa: PLR0913 - a flag each
    tier: options.Tier = None,
    config: options.Config = None,
    data: options.Data = None,
    rules: options.Rules = None,
    source: _Source = None,
    history: options.History = None,
    splits: options.Splits = None,
    symbols: options.Symbols = None,
    speed: options.Speed = None,
    print_config: _Print = False,  # noqa: FBT002 - a flag
) -> None:
    """Run the daemon: rules and strategies over a source, until Ctrl-C or SIGTERM."""
    from whispr_daemon.cli import run as work

    with failures_in_words():
        chosen = options.any_source(source, history, symbols, speed, splits)
        given = options.flags(tier=tier, data=data, rules__dir=rules, source=chosen)
        if print_config:
            work.print_settings(config, given)
        else:
            work.run(config, given)


@app.command()
def replay(  # noqa: PLR0913 - a flag each
    files: _Files,
    history: options.History = None,
    splits: options.Splits = None,
    symbols: options.Symbols = None,
    rules: options.Rules = None,
    strategy: _Strategy = None,
    tier: options.Tier = None,
    form: options.RowFormat = options.Format.TABLE,
    to: _Out = None,
    data: options.OwnData = None,
    speed: options.Speed = None,
    config: options.Config = None,
) -> None:
    """Run files through rules and strategies and print what they say, in order of event time.

    Exit status 3: done, but rows of the files were refused. 4: done, but a strategy was stopped.
    Both are told on standard error, by name.
    """
    from whispr_daemon.cli import replay as work

    with failures_in_words():
        given = options.flags(
            tier=tier,
            data=data,
            rules__dir=rules,
            health__port=0,
            source=options.files_source(files, history, symbols, speed, splits),
            strategies=[{"plugin": name} for name in strategy] if strategy else None,
        )
        work.replay(config, given, form, to)


@app.command()
def signals(
    follow: _Follow = False,  # noqa: FBT002 - a flag
    limit: _Limit = 50,
    form: options.RowFormat = options.Format.TABLE,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Show the newest signals and alerts, oldest of them first."""
    from whispr_daemon.cli import signals as work

    with failures_in_words():
        work.signals(config, options.flags(data=data), limit, form, follow=follow)


@app.command()
def status(
    form: options.AnswerFormat = options.Answer.TABLE,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Show how the running daemon, its hosts and its units stand.

    Exit status 1: none runs. 3: it is not ready.
    """
    from whispr_daemon.cli import status as work

    with failures_in_words():
        work.status(config, options.flags(data=data), form)


@app.command()
def verify(
    units: _Units = None,
    from_snapshot: _FromSnapshot = False,  # noqa: FBT002 - a flag
    form: options.AnswerFormat = options.Answer.TABLE,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Fold the retained log again and compare what it says with what was said.

    It only reads, also beside a running daemon. Exit status 1: an output differs (the first is
    named), or a unit cannot be compared (why is said).
    """
    from whispr_daemon.cli import verify as work

    with failures_in_words():
        work.verify(
            config, options.flags(data=data), units or (), form, from_snapshot=from_snapshot
        )


@app.command()
def backup(target: _Target, data: options.Data = None, config: options.Config = None) -> None:
    """Copy log and store of a daemon, as they are at one moment, also while it runs.

    The copy is the same on every tier: it can be restored to any, and verified where it stands.
    """
    from whispr_daemon.cli import backup as work

    with failures_in_words():
        work.backup(config, options.flags(data=data), target)


@app.command()
def restore(
    source: _Backup,
    tier: options.Tier = None,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Fill the data folder, which must be empty or missing, from a backup of any tier.

    For tier 1 that fills the servers of the settings, which must be empty, or new ones.
    """
    from whispr_daemon.cli import backup as work

    with failures_in_words():
        work.restore(config, options.flags(tier=tier, data=data), source)


@app.command()
def doctor(
    tier: options.Tier = None, data: options.Data = None, config: options.Config = None
) -> None:
    """Check what a start needs: settings, rules, strategies, source, folder, port, servers.

    Nothing is started or changed but an empty data folder. Exit status 1: something is wrong.
    """
    from whispr_daemon.cli import doctor as work

    with failures_in_words():
        work.doctor(config, options.flags(tier=tier, data=data))


@strategies_app.command("list")
def list_strategies() -> None:
    """List the installed strategies: name, version and where each comes from."""
    from whispr_daemon.cli import strategies as work

    with failures_in_words():
        work.list_installed()


@units_app.command("list")
def list_units(
    form: options.RowFormat = options.Format.TABLE,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Show how every unit stands, and of one in quarantine why and since when."""
    from whispr_daemon.cli import units as work

    with failures_in_words():
        work.list_units(config, options.flags(data=data), form)


@units_app.command("release")
def release_unit(unit: _Unit, data: options.Data = None, config: options.Config = None) -> None:
    """Take a unit out of quarantine: it goes on from its last commit.

    Exit status 1: it is in none. 2: there is no such unit.
    """
    from whispr_daemon.cli import units as work

    with failures_in_words():
        work.release(config, options.flags(data=data), unit)
