"""What of a process's log or store does not work at the moment."""

from whispr_daemon.domain.value import Value


class Trouble(Value, frozen=True, kw_only=True):
    """One call that has failed since a while, and is tried again."""

    port: str  # log or store
    doing: str  # the call, e.g. commit
    reason: str  # of its last failure, in words
    seconds: float = 0.0  # since it failed first

    def describe(self) -> str:
        """Return it as a sentence without its end."""
        return f"{self.port}: {self.doing} has failed for {self.seconds:.0f} s: {self.reason}"
