"""Signals and alerts for the eyes: one line each, in colour on a terminal."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from whispr_daemon.domain.outputs import Alert, Output, Signal
from whispr_daemon.ports.store import StoredOutput

_DIRECTION_STYLE: Final = {
    "up": "green",
    "long": "green",
    "down": "red",
    "short": "red",
    "flat": "yellow",
}
_SEVERITY_STYLE: Final = {
    "debug": "dim",
    "info": "cyan",
    "warn": "yellow",
    "error": "red",
    "critical": "bold white on red",
}


class ConsoleOutlet:
    """Prints. It cannot know what was seen, so after a crash the last lines may come again."""

    def __init__(self, console: Console) -> None:
        """``console`` decides about colour: it has none when it is no terminal."""
        self._console = console

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Return no ids: a console keeps nothing."""
        return ()

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Print a line for each; the receipt is empty."""
        # In a thread: a terminal stopped with Ctrl-S must not stop the daemon's loop.
        await asyncio.to_thread(self._print, [line(stored.output) for stored in outputs])
        return ""

    def _print(self, lines: Sequence[Text]) -> None:
        for each in lines:
            self._console.print(each, soft_wrap=True)

    async def close(self) -> None:
        """Nothing is held."""


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
            style = f"{_SEVERITY_STYLE[output.severity]} not dim"
            text.append(f"{output.severity:<8}", style=style)
            text.append(f"{output.instrument:<8}", style="bold not dim")
            text.append(" ".join(output.message.split()), style=style)  # one line, whatever it says
    if output.direction:
        text.append(f"  {output.direction}", f"{_DIRECTION_STYLE[output.direction]} not dim")
    for label, value in (("price", output.price), ("level", output.level)):
        if value is not None:
            text.append(f"  {label} {value:.10g}", "not dim")
    text.append(f"  ({output.origin})")
    return text
