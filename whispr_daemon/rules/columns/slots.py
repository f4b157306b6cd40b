"""Which instruments rules look at, and the bars of a batch that those have."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.events import Kind

_MANY: Final = 256  # rows for which a table of all codes pays


class Slots:
    """Numbers the instruments that some rule wants: 0, 1, 2 … in the order they appear."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        """``wanted`` says whether any rule looks at an instrument."""
        self.symbols: list[str] = []
        self._slots: dict[str, int] = {}
        self._wanted = wanted

    def slot(self, symbol: str) -> int:
        """Return the slot of an instrument, a new one if need be; -1 if no rule wants it."""
        found = self._slots.get(symbol)
        if found is None:
            found = len(self.symbols) if self._wanted(symbol) else -1
            self._slots[symbol] = found
            if found >= 0:
                self.symbols.append(symbol)
        return found

    def known(self, symbol: str) -> int:
        """Return the slot of an instrument, -1 if it has none."""
        return self._slots.get(symbol, -1)

    def clear(self) -> None:
        """Forget all instruments."""
        self.symbols.clear()
        self._slots.clear()

    def asked(self) -> list[str]:
        """Return all instruments seen since it was cleared, also those nobody wanted."""
        return list(self._slots)

    def reconsider(self) -> None:
        """Ask again of the instruments that no rule wanted. Those with a slot keep it."""
        for symbol in [name for name, slot in self._slots.items() if slot < 0]:
            del self._slots[symbol]

    def of(self, codes: NDArray[np.uint32], symbols: Sequence[str]) -> NDArray[np.int64]:
        """Return the slot of each instrument code.

        New ones are numbered by first appearance: the same however batches are cut.
        """
        if len(codes) >= _MANY:
            found = self._looked_up(codes, symbols)
            if found is not None:
                return found
        given: list[int] = codes.tolist()
        slots = {code: self.slot(symbols[code]) for code in dict.fromkeys(given)}
        return np.array([slots[code] for code in given], dtype=np.int64)

    def _looked_up(
        self, codes: NDArray[np.uint32], symbols: Sequence[str]
    ) -> NDArray[np.int64] | None:
        """Return the same by a table of all codes, None if there is a new one among them."""
        places = codes.astype(np.intp)  # once: they lie apart, and numpy would copy them each time
        there = np.zeros(len(symbols), dtype=np.bool_)
        there[places] = True
        slots = np.zeros(len(symbols), dtype=np.int64)
        for code in there.nonzero()[0].tolist():
            found = self._slots.get(symbols[code])
            if found is None:
                return None
            slots[code] = found
        return slots.take(places)


class Selection(NamedTuple):
    """The rows of a batch that wanted instruments have, and the clock's ticks (slot -1)."""

    rows: NDArray[Any]  # EVENT_DTYPE
    at: NDArray[np.int64]  # the place of each in the batch
    slot: NDArray[np.int64]


def select(batch: Batch, slots: Slots) -> Selection | None:
    """Return the rows that matter to any rule, None if there are none."""
    kind = batch.rows["kind"]
    tick = kind == Kind.CLOCK
    if tick.any():
        slot = np.full(len(kind), -1, dtype=np.int64)
        market = (~tick).nonzero()[0]
        slot[market] = slots.of(batch.rows["instrument"][market], batch.symbols)
        at = ((slot >= 0) | tick).nonzero()[0]
    else:
        slot = slots.of(batch.rows["instrument"], batch.symbols)
        at = (slot >= 0).nonzero()[0]
    return Selection(picked(batch.rows, at), at, picked(slot, at)) if len(at) else None


def picked(array: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Return ``array[places]``; ``places`` ascend, so as many as there are is all of them.

    Live batches have one row, which is mostly picked: that costs a tenth of an indexing. Of whole
    rows an index copies field by field, which takes thirty times as long as ``take``.
    """
    return array if len(places) == len(array) else array.take(places)
