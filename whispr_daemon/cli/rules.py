"""``whispr rules check``: every mistake of rule files, with its place."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from whispr_daemon.bootstrap.rule_files import rule_files
from whispr_daemon.bootstrap.rule_functions import plug_in_functions
from whispr_daemon.cli.terminal import MISUSED, out, plural
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.load import load

_STYLES: Final = {"error": "red", "warning": "yellow", "info": "dim"}


def check(paths: Sequence[Path]) -> None:
    """Print all that is to be said of rule files.

    Raises:
        SettingsError: there is no such file.
        typer.Exit: there are mistakes.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise SettingsError(
            "\n".join(f"{path}: there is no such file or folder" for path in missing)
        )
    files = [file for path in paths for file in rule_files(path)]
    plug_in_functions()
    loaded = load(files)
    for diagnostic in loaded.diagnostics:
        style = _STYLES[diagnostic.severity]
        out.print(str(diagnostic), style=style, markup=False, soft_wrap=True)
    mistakes = len(loaded.errors)
    counts = (
        plural(len(files), "file"),
        plural(len(loaded.rules), "rule"),
        plural(mistakes, "mistake"),
        plural(len(loaded.diagnostics) - mistakes, "note"),
    )
    out.print(", ".join(counts))
    if mistakes:
        raise typer.Exit(MISUSED)
