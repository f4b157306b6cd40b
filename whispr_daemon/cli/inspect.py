"""``whispr rules check`` and ``whispr strategies list``: what could run, and whether it would."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from whispr_daemon.adapters import plugins
from whispr_daemon.bootstrap.desired import rule_files
from whispr_daemon.cli.terminal import MISUSED, failures_in_words, out
from whispr_daemon.rules.load import RuleFile, load

rules = typer.Typer(help="Rule files.", no_args_is_help=True)
strategies = typer.Typer(help="Python strategies.", no_args_is_help=True)

_Paths = Annotated[list[Path], typer.Argument(help="Rule files, or folders of them.")]


@rules.command("check")
def check(paths: _Paths) -> None:
    """Check rule files: every mistake of every file, with its place. Exit status 2: there are some.

    Warnings and notes are shown too, and cost nothing.
    """
    with failures_in_words():
        files: list[RuleFile] = [file for path in paths for file in rule_files(path)]
        loaded = load(files)
    for diagnostic in loaded.diagnostics:
        style = "red" if diagnostic.severity == "error" else "yellow"
        out.print(str(diagnostic), style=style, markup=False, soft_wrap=True)
    mistakes = len(loaded.errors)
    out.print(f"{len(files)} files, {len(loaded.rules)} rules, {mistakes} mistakes")
    if mistakes:
        raise typer.Exit(MISUSED)


@strategies.command("list")
def list_() -> None:
    """List the installed strategies: name, version and where each comes from."""
    table = Table("name", "version", "from", header_style="bold")
    with failures_in_words():
        for name, point in plugins.installed().items():
            strategy = plugins.build(name, {})
            package = point.dist.name if point.dist else "?"
            table.add_row(name, strategy.version, f"{package}: {point.value}")
    out.print(table)
