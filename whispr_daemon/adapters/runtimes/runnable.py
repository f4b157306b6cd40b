"""What a runtime runs, and how it is built in the process and on the loop that will run it."""

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, Protocol, TypeAlias

from whispr_daemon.domain.unit import HostReport, HostSpec

FAILED: Final = 70  # exit status of a process whose main loop failed or was fenced (EX_SOFTWARE)


class RunnableHost(Protocol):
    """A host with its ports open."""

    async def run(self) -> None:
        """Run until stopped, or until every unit has ended; raise if going on is impossible."""
        ...

    def stop(self) -> None:
        """Ask :meth:`run` to finish and return."""
        ...

    def report(self) -> HostReport:
        """Return how the host stands. Never blocks; also right after :meth:`run` returned."""
        ...

    async def close(self) -> None:
        """Let go of the ports. Called once, after :meth:`run` ended."""
        ...


class RunnableSupervisor(Protocol):
    """A supervisor with its ports open. What it tells is bytes that its caller understands."""

    async def run(self) -> None:
        """Supervise until stopped, then let the hosts finish and return."""
        ...

    def stop(self) -> None:
        """Ask :meth:`run` to finish and return."""
        ...

    def report(self) -> bytes:
        """Return how all stands. Never blocks."""
        ...

    def push(self, process: str, body: bytes) -> None:
        """Take what another process wants to be known (its metrics samples)."""
        ...

    async def close(self) -> None:
        """Let go of the ports. Called once, after :meth:`run` ended."""
        ...


HostFactory: TypeAlias = Callable[[HostSpec], Awaitable[RunnableHost]]

# Importable functions: an actor's process gets their name and bytes, nothing else is carried over.
HostBuilder: TypeAlias = Callable[[bytes, HostSpec], Awaitable[RunnableHost]]
SupervisorBuilder: TypeAlias = Callable[[bytes], Awaitable[RunnableSupervisor]]


def end_process() -> NoReturn:
    """End this process at once, exit status 70: it must not touch anything any more."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(FAILED)
