"""Runs a daemon on an event loop of its own; Ctrl-C, SIGTERM or the terminal's end stop it."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import typer

from whispr_daemon.cli.terminal import INTERRUPTED, note

Result = TypeVar("Result")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """What a signal does: before :meth:`by` it cancels; after it asks, and the second cancels."""

    def __init__(self) -> None:
        """There is nothing to stop yet."""
        self.asked = False
        self._task: asyncio.Task[Any] | None = None
        self._ask: Callable[[], None] | None = None

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Let signals end ``task``, which runs on the current loop.

        One that this process was started to ignore (nohup does so with SIGHUP) stays ignored.
        """
        self._task = task
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
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
