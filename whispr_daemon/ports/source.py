"""Where market events come from."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from whispr_daemon.domain.batch import Rows


class SourceBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A run of rows as the source has them, each with the source's own sequence number.

    Row ``i`` has sequence number ``first_seq + i``. ``rows["instrument"]`` indexes ``symbols``
    here (ingest puts the registry's codes in). Nothing is validated yet: that is ingest's.
    """

    first_seq: int  # >= 1
    symbols: Sequence[str]
    rows: Rows  # shape (n,), n >= 1


class Source(Protocol):
    """A stream of numbered rows that can be resumed after any number.

    It is asked for more when there is room, and waits until then. A feed that cannot wait conflates
    by a policy of its own, which it names, and leaves gaps in the numbers: they are counted.
    """

    @property
    def name(self) -> str:
        """A name that stays the same over restarts: the resume mark is kept under it."""
        ...

    @property
    def total(self) -> int | None:
        """How many rows there will be in all, None if the source is endless."""
        ...

    def batches(self, after: int) -> AsyncIterator[SourceBatch]:
        """Yield the rows with a sequence number above ``after``, in order; end when there are none.

        Raises:
            SourceError: the source cannot be read (said with file, column or line).
            Transient: the feed broke; call again with the last number taken.
        """
        ...

    def describe(self, seq: int) -> str:
        """Say where row ``seq`` stands in people's terms, e.g. ``spy.csv:120``."""
        ...
