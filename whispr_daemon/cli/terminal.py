"""What all commands share: consoles, failures in words, exit statuses."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import typer
from rich.console import Console
from typing_extensions import override

from whispr_daemon.domain.errors import Fenced, SettingsError, SourceError, WhisprError

FAILED: Final = 1
MISUSED: Final = 2  # a setting, flag, file or rule is wrong
REFUSED_ROWS: Final = 3  # replay: done, but rows of the source were refused
NOT_READY: Final = 3  # status: a daemon runs, and is not ready
QUARANTINED: Final = 4  # replay: done, but a strategy was stopped
FENCED: Final = 70
INTERRUPTED: Final = 130

_PIPED: Final = 200  # columns where nobody looks: tables are not cut to a narrow screen


class _Errors(Console):
    """Standard error. Where nobody reads it any more, nothing of what is done changes."""

    @override
    def on_broken_pipe(self) -> None:
        """Be quiet."""
        self.quiet = True


out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED)
err = _Errors(stderr=True, highlight=False)


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
    note(text, "red")


def note(text: str, style: str = "") -> None:
    """Print a sentence on standard error, if there still is somebody to read it."""
    with suppress(OSError):  # the terminal was closed: the reason why we are ending, it may be
        err.print(text, style=style, markup=False, soft_wrap=True)


def warn(level: str, text: str) -> None:
    """Print what the log says to people."""
    note(text, "yellow" if level == "warning" else "red")


def machine(text: str) -> None:
    """Print text on standard output as it is, without wrapping or colour.

    Raises:
        typer.Exit: its reader has ended.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes nowhere
        raise typer.Exit(FAILED) from error


def plural(count: int, what: str) -> str:
    """Return ``1 rule``, ``2 rules``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
