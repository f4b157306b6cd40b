"""The commands, together."""

import typer

from whispr_daemon.cli import inspect
from whispr_daemon.cli.doctor import doctor
from whispr_daemon.cli.replay import replay
from whispr_daemon.cli.run import run
from whispr_daemon.cli.signals import signals
from whispr_daemon.cli.status import status

app = typer.Typer(
    name="whispr",
    help="Runs trading rules and strategies over market data; loses and repeats no signal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(replay)
app.command()(signals)
app.command()(status)
app.command()(doctor)
app.add_typer(inspect.rules, name="rules")
app.add_typer(inspect.strategies, name="strategies")


def main() -> None:
    """Run the command line."""
    app()
