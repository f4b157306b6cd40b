"""Signals and alerts for the eyes: a table that goes on in a terminal, else a line each."""

import asyncio
import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import structlog
from rich.console import Console
from rich.text import Text

from whispr_daemon.adapters.outlets.roll import Roll
from whispr_daemon.adapters.outlets.styles import DIRECTIONS, SEVERITIES
from whispr_daemon.domain.outputs import Alert, Audit, Output, Signal
from whispr_daemon.ports.store import StoredOutput


class ConsoleOutlet:
    """Prints. It cannot know what was seen, so after a crash the last lines may come again."""

    def __init__(self, console: Console) -> None:
        """``console`` decides about table and colour: there is neither when it is no terminal."""
        self._console = console
        self._roll = Roll()
        self._journal = structlog.get_logger("whispr.console")

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Return no ids: a console keeps nothing."""
        return ()

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Print a row for each; the receipt is empty.

        Where nobody reads any more (the terminal was closed, the reader of a pipe has ended), what
        is printed goes nowhere from then on, with a warning: all else goes on.
        """
        # In a thread: a terminal stopped with Ctrl-S must not stop the daemon's loop.
        await asyncio.to_thread(self._print, [stored.output for stored in outputs])
        return ""

    def _print(self, outputs: Sequence[Output]) -> None:
        text = written(outputs, self._console, self._roll)
        file = self._console.file
        try:
            file.write(text)
            file.flush()
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, file.fileno())
            os.close(nowhere)
            self._journal.warning("nobody reads the console any more", error=error.strerror)

    async def close(self) -> None:
        """Nothing is held."""


def written(outputs: Sequence[Output], console: Console, roll: Roll) -> str:
    """Return outputs as the console shows them: rows of the roll in a terminal, else lines."""
    with console.capture() as captured:
        if console.is_terminal:
            console.print(roll.rows(outputs, console.width))
        else:
            for output in outputs:
                console.print(line(output), soft_wrap=True)
    return captured.get()


def line(output: Output) -> Text:
    """Return an output as one line: time (UTC), kind, instrument, what, direction, prices, origin.

    ::

        2013-10-04 14:35:00Z  signal  SPY     GG_trigger  up  price 168.94  level 168.902  (golden)
    """
    time = datetime.fromtimestamp(output.ts_event // 1_000_000_000, tz=UTC)
    text = Text(f"{time:%Y-%m-%d %H:%M:%S}Z  ", style="dim")
    match output:
        case Signal():
            text.append("signal  ", style="bold not dim")
            text.append(f"{output.instrument:<8}", style="bold not dim")
            text.append(output.name, style="bold magenta not dim")
        case Alert():
            style = f"{SEVERITIES[output.severity]} not dim"
            text.append(f"{output.severity:<8}", style=style)
            text.append(f"{output.instrument:<8}", style="bold not dim")
            text.append(" ".join(output.message.split()), style=style)  # one line, whatever it says
        case Audit():
            text.append("audit   ", style="dim")
            text.append(f"{output.instrument:<8}", style="bold not dim")
            text.append(" ".join(f"{output.name} {output.message}".split()), style="dim")
    if output.direction:
        text.append(f"  {output.direction}", f"{DIRECTIONS[output.direction]} not dim")
    for label, value in (("price", output.price), ("level", output.level)):
        if value is not None:
            text.append(f"  {label} {value:.10g}", "not dim")
    text.append(f"  ({output.origin})")
    return text
