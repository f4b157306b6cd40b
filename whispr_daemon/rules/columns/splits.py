"""The splits and dividends that are known: what makes earlier rows comparable with later ones."""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import NO_INSTRUMENT, Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import NANOS_OF

_LENGTHS: Final = np.array(NANOS_OF, dtype=np.int64)
_NEVER: Final = 0


class Factors(NamedTuple):
    """A split of one instrument: rows before ``ts`` (ns UTC) are multiplied."""

    ts: int
    price: float
    volume: float


Known: TypeAlias = Mapping[str, Sequence[Factors]]


class Splits:
    """Splits by instrument, in order of time. Which rows they are about, only time decides.

    A row belongs to the time in the middle of its bar: so a daily bar is on the right side of a
    split at midnight, wherever in its day the source puts its ends.
    """

    def __init__(self, known: Known | None = None) -> None:
        """``known`` is an earlier :meth:`known`."""
        self._of: dict[str, list[Factors]] = {}
        self._newest = _NEVER  # ts of the latest of all
        for symbol, found in (known or {}).items():
            for one in found:
                self.add(symbol, Factors(*one))

    def add(self, symbol: str, split: Factors) -> bool:
        """Take a split in; return whether it is new: two of one time are the same."""
        known = self._of.setdefault(symbol, [])
        if any(one.ts == split.ts for one in known):
            return False
        known.append(split)
        known.sort()
        self._newest = max(self._newest, split.ts)
        return True

    def known(self) -> dict[str, tuple[Factors, ...]]:
        """Return all splits by instrument."""
        return {symbol: tuple(found) for symbol, found in self._of.items()}

    def last(self, symbols: Iterable[str], ts: int) -> tuple[str, Factors] | None:
        """Return whose split was the last of some instruments up to a time; None: there was none.

        ``ts`` is in ns UTC.
        """
        found = [
            (symbol, one) for symbol in symbols for one in self._of.get(symbol, ()) if one.ts <= ts
        ]
        return max(found, key=lambda each: each[1].ts, default=None)

    def rescaled(self, batch: Batch) -> Batch:
        """Return a batch in the terms that hold after all known splits."""
        rows = batch.rows
        if not self._newest:
            return batch
        time = rows["ts"] - _LENGTHS[rows["timeframe"]] // 2
        if not (time < self._newest).any():
            return batch
        made = rows
        for code in np.unique(rows["instrument"]).tolist():
            known = () if code == NO_INSTRUMENT else self._of.get(batch.symbols[code], ())
            for after, before in zip(known, (_NEVER, *(one.ts for one in known)), strict=False):
                mine = (rows["instrument"] == code) & (time >= before) & (time < after.ts)
                if mine.any():
                    made = rows.copy() if made is rows else made
                    later = [one for one in known if one.ts >= after.ts]
                    _multiply(made, mine.nonzero()[0], later)
        return Batch(made, batch.symbols)


def _multiply(rows: Rows, at: NDArray[np.int64], splits: Sequence[Factors]) -> None:
    price = prod(split.price for split in splits)
    volume = prod(split.volume for split in splits)
    quote = rows["kind"][at] == Kind.QUOTE  # whose low and close are sizes
    for field in ("open", "high"):
        rows[field][at] *= price
    for field in ("low", "close"):
        rows[field][at] *= np.where(quote, volume, price)
    rows["volume"][at] *= volume
