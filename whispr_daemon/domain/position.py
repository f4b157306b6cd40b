"""Where an entry stands in a partition of the log."""

from typing import NamedTuple, Self

from typing_extensions import override

_SEQ_BITS = 40
_SEQ_MASK = (1 << _SEQ_BITS) - 1


class Position(NamedTuple):
    """A producer's epoch and its sequence number in it; ordered, written ``epoch-seq``.

    The same two numbers are the entry's id in a Redis stream, which makes an append idempotent and
    fences older producers in one.
    """

    epoch: int
    seq: int

    @override
    def __str__(self) -> str:
        """Return ``epoch-seq``, the id of a Redis stream entry."""
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``epoch-seq`` back."""
        epoch, seq = text.split("-")
        return cls(int(epoch), int(seq))

    def pack(self) -> int:
        """Return one int64 that keeps the order: 23 bits of epoch, 40 bits of seq."""
        return self.epoch << _SEQ_BITS | self.seq

    @classmethod
    def unpack(cls, packed: int) -> Self:
        """Read :meth:`pack` back."""
        return cls(packed >> _SEQ_BITS, packed & _SEQ_MASK)


ORIGIN = Position(0, 0)  # before the first entry
