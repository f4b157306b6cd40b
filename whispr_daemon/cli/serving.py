"""Runs a daemon on an event loop of its own; Ctrl-C, SIGTERM or the terminal's end stop it."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import typer

from whispr_daemon.cli.terminal import INTERRUPTED, note

Result = TypeVar("Result")


class Stop:
    """What a signal does: before :meth:`by` it cancels; after it asks, and the second cancels."""

    def __init__(self) -> None:
        """There is nothing to stop yet."""
        self.asked = False
        self._task: asyncio.Task[Any] | None = None
        self._ask: Callable[[], None] | None = None

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Let signals end ``task``, which runs on the current loop.

        The end of the terminal counts for nothing to who was started with nohup.
        """
        self._task = task
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        for number in numbers:
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)

    def by(self, ask: Callable[[], None]) -> None:
        """Let the next signal call ``ask``."""
        self._ask = ask

    def _signalled(self) -> None:
        self.asked = True
        ask, self._ask = self._ask, None
        if ask is not None:
            ask()
            note("stopping …", "dim")
        elif self._task is not None:
            self._task.cancel()


def serve(work: Callable[[Stop], Coroutine[Any, Any, Result]]) -> Result:
    """Run ``work`` to its end and return what it returns.

    Raises:
        typer.Exit: a signal cancelled it.
    """
    stop = Stop()

    async def main() -> Result:
        task = asyncio.create_task(work(stop))
        stop.watch(task)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError as error:
        raise typer.Exit(INTERRUPTED) from error
