"""What lives in an actor's process: a main loop in a task that cannot end unseen."""

import asyncio
import os
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Final, Generic, NoReturn, TypeVar

import msgspec
import structlog

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.runtimes.ray.recipe import Recipe
from whispr_daemon.adapters.runtimes.runnable import (
    RunnableHost,
    RunnableSupervisor,
    end_process,
)
from whispr_daemon.domain.errors import Fenced
from whispr_daemon.domain.unit import HostSpec

# Ray starts a dead actor again at once. One that fails on every start would take a whole core.
_YOUNG: Final = 10.0  # seconds
_LINGER: Final = 2.0  # seconds

Runnable = TypeVar("Runnable", bound=RunnableHost | RunnableSupervisor)


class Shell(Generic[Runnable]):
    """Runs one thing from the moment the process is there, so that Ray's restart alone revives it.

    Ray swallows an exception in a background task and goes on answering as if all were well;
    hence a failed main loop ends the process, exit status 70, and Ray starts a new one.
    """

    def __init__(self, recipe: Recipe, built: Awaitable[Runnable]) -> None:
        """Ray constructs actors with async methods on their event loop."""
        self._born = SYSTEM_CLOCK.monotonic()
        self._running: Runnable | None = None
        self._stopping = False
        if recipe.log_file:
            _print_to(Path(recipe.log_file))
        self._main = asyncio.get_running_loop().create_task(self._live(built))

    async def stop(self) -> bool:
        """Let the main loop finish; answers when it has."""
        self._stopping = True
        if self._running is not None:
            self._running.stop()
        await asyncio.wait({self._main})
        return True

    async def _live(self, built: Awaitable[Runnable]) -> None:
        try:
            self._running = await built
            if not self._stopping:
                await self._running.run()
            await self._running.close()
        except BaseException as error:  # noqa: BLE001 - a SystemExit, too, would end only the loop
            await self._fail(error)

    async def _fail(self, error: BaseException) -> NoReturn:
        try:
            journal = structlog.get_logger("whispr.runtime")
            journal.critical("main loop failed", error=repr(error), exc_info=error)
            young = SYSTEM_CLOCK.monotonic() - self._born < _YOUNG
            if young and isinstance(error, Exception) and not isinstance(error, Fenced):
                await SYSTEM_CLOCK.sleep(_LINGER)
        finally:
            end_process()


class HostShell(Shell[RunnableHost]):
    """A host."""

    def __init__(self, recipe: bytes) -> None:
        """``recipe`` is a Recipe as msgpack."""
        found = msgspec.msgpack.decode(recipe, type=Recipe)
        spec = msgspec.msgpack.decode(found.spec, type=HostSpec)
        super().__init__(found, found.builder()(found.context, spec))

    async def report(self) -> tuple[int, bytes]:
        """Return the process id and the host's report as msgpack, empty while it is built."""
        if self._running is None:
            return os.getpid(), b""
        return os.getpid(), msgspec.msgpack.encode(self._running.report())


class SupervisorShell(Shell[RunnableSupervisor]):
    """The supervisor."""

    def __init__(self, recipe: bytes) -> None:
        """``recipe`` is a Recipe as msgpack."""
        found = msgspec.msgpack.decode(recipe, type=Recipe)
        super().__init__(found, found.builder()(found.context))

    async def report(self) -> bytes:
        """Return what the supervisor tells, empty while it is built."""
        return b"" if self._running is None else self._running.report()

    async def push(self, process: str, body: bytes) -> bool:
        """Hand over what another process wants to be known; False while there is nobody yet."""
        if self._running is None:
            return False
        self._running.push(process, body)
        return True


def _print_to(log_file: Path) -> None:
    """Append all this process prints, Python or not, to a file of the operator's choice."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    opened = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(opened, stream.fileno())
    os.close(opened)
