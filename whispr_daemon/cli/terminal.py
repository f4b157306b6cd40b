"""What all commands share: consoles, failures in words, exit statuses."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console

from whispr_daemon.domain.errors import Fenced, SettingsError, SourceError, WhisprError

FAILED: Final = 1
MISUSED: Final = 2  # a setting, flag, file or rule is wrong
REFUSED_ROWS: Final = 3  # done, but rows of the source were refused
FENCED: Final = 70

_PIPED: Final = 200  # columns where nobody looks: tables are not cut to a narrow screen

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED)
err = Console(stderr=True, highlight=False)


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Turn a failure Whispr names into its sentence on standard error and an exit status."""
    try:
        yield
    except (SettingsError, SourceError) as error:
        complain(str(error))
        raise typer.Exit(MISUSED) from error
    except Fenced as error:
        complain(str(error))
        raise typer.Exit(FENCED) from error
    except WhisprError as error:
        complain(str(error))
        raise typer.Exit(FAILED) from error


def complain(text: str) -> None:
    """Print a sentence on standard error, in red on a terminal."""
    err.print(text, style="red", markup=False, soft_wrap=True)


def machine(text: str) -> None:
    """Print text on standard output as it is, without wrapping or colour."""
    sys.stdout.write(text)
    sys.stdout.flush()
