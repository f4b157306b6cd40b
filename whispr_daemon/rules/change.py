"""A change of the rules, as it is kept in the store and named by a row of the log."""

import msgspec

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.load import RuleFile


class RuleChange(Value, frozen=True, kw_only=True):
    """All rule files as they are to be from one position of the log on."""

    files: tuple[RuleFile, ...] = ()  # whole; each loads; a broken one as it was before
    refs: tuple[str, ...] = ()  # symbols the rules read beside their own; sorted
    refused: tuple[str, ...] = ()  # mistakes to be told with this change: file:line:col: …
    broken: tuple[str, ...] = ()  # all mistakes of the files as found, told before or now

    def encode(self) -> bytes:
        """Return it as JSON, the same bytes for the same change."""
        return msgspec.json.encode(self)


def decode(body: bytes) -> RuleChange:
    """Read :meth:`RuleChange.encode` back."""
    return msgspec.json.decode(body, type=RuleChange)
