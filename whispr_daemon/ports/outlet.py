"""Where committed signals and alerts go."""

from collections.abc import Collection, Sequence
from typing import Protocol

from whispr_daemon.ports.store import StoredOutput


class Outlet(Protocol):
    """A receiver of outputs, in order per unit, each with its id as idempotency key."""

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Start (or take over) delivery after a receipt.

        Returns the ids that reached the receiver after ``receipt`` was given, so that they are not
        sent again; an outlet that cannot know (a console) returns none. An outlet that can refuses
        relays of an older epoch from now on.
        """
        ...

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Deliver; return a receipt for everything up to the last of them.

        Raises:
            Transient: unknown outcome; ``open`` again with the last receipt, then go on.
            Fenced: a newer relay has the route.
        """
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
