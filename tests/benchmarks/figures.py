"""What a benchmark finds, and how it says what it is compared with."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple


class Figure(NamedTuple):
    """One thing measured: the median of the repetitions of one run."""

    what: str
    value: float
    unit: str  # rows/s, events/s, s, ms, MB, …
    against: str = ""  # the figure of the same case it is compared with
    ratio: float | None = None  # how many times better than that one: 0.5 is half as good
    bound: float | None = None  # what the ratio has to reach; without a ratio, the value …
    most: bool = False  # … which is not to exceed it
    each: tuple[float, ...] = ()  # repetition, in order: what ``value`` is the median of

    @property
    def kept(self) -> bool:
        """Whether it reaches its bound; without one it does."""
        if self.bound is None:
            return True
        found = self.value if self.ratio is None else self.ratio
        return found <= self.bound if self.most and self.ratio is None else found >= self.bound


SHORT_ROWS: Final = 20_000  # at most, of a run that is only to see whether all goes well


class Scale(NamedTuple):
    """How much is measured."""

    rows: int  # of a long run: other cases take it as a measure of how long they may be
    repetitions: int
    folder: Path  # empty, on the disk that is measured; a case makes folders of its own in it
    say: Callable[[str], None]  # shows progress

    @property
    def short(self) -> bool:
        """Whether no times are judged: only what is said."""
        return self.rows <= SHORT_ROWS


class DiffersError(Exception):
    """Two who do the same work say different things; the text names both, and the first place."""


class Case(NamedTuple):
    """A benchmark: what it is named, and what runs it.

    ``run`` raises DiffersError when ours and a peer, or a floor, do not say the same.
    """

    name: str  # that of its module, then what tells cases of one module apart: ``replay.long``
    about: str  # one line
    run: Callable[[Scale], Sequence[Figure]]
