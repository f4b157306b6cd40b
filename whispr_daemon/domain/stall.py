"""A loop that stands still: who has it, for how long, and where in its code."""

from whispr_daemon.domain.position import Position
from whispr_daemon.domain.value import Value


class Stall(Value, frozen=True, kw_only=True):
    """One event loop that did not come round."""

    task: str  # that has the loop, by name: a unit's is its id; empty: none
    position: Position | None = None  # a unit's: read and folded before it
    seconds: float  # since the loop last came round
    where: str = ""  # "file:line in function", the innermost
    at: int = 0  # ns UTC

    def describe(self) -> str:
        """Return it as a sentence without its end."""
        who = f"unit {self.task} at position {self.position}" if self.position else self.task
        where = f" ({self.where})" if self.where else ""
        return f"the event loop has stood still for {self.seconds:.0f} s: {who or 'no task'}{where}"
