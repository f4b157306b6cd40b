"""Which instruments rules look at: a row of truths by slot for every list of symbols there is."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_EVERY: Final = "*"
_FIRST_SLOTS: Final = 8


class Wants:
    """Lists of symbols as rules have them, each once however many rules have it.

    Attributes:
        table: 1 where a list has the instrument, else 0; shape (lists, slots), with room for more
            slots. It is another one after an instrument for which there was no room.
    """

    def __init__(self, home: Callable[[str], bool]) -> None:
        """``home`` says of a symbol whether rules are evaluated for it here."""
        self.table: NDArray[np.int64] = np.zeros((0, 0), dtype=np.int64)
        self._home = home
        self._numbers: dict[tuple[str, ...], int] = {}
        self._of: dict[str, list[int]] = {_EVERY: []}  # the lists that have a symbol
        self._known = 0  # slots

    def number(self, symbols: tuple[str, ...]) -> int:
        """Return the number of a list of symbols; ``*`` in it is every one."""
        found = self._numbers.get(symbols)
        if found is None:
            found = self._numbers[symbols] = len(self._numbers)
            for symbol in dict.fromkeys(symbols):
                self._of.setdefault(symbol, []).append(found)
        return found

    def has(self, symbol: str) -> bool:
        """Is the instrument in any list?"""
        return bool(self._of[_EVERY] or symbol in self._of) and self._home(symbol)

    def any_of(self, number: int, slots: Iterable[int]) -> bool:
        """Has a list any of some instruments, which are known by now?"""
        row = self.table[number]
        return any(row[slot] for slot in slots)

    def meet(self, symbols: Sequence[str]) -> None:
        """Know the instruments by slot, which are those it knew and perhaps more."""
        if len(symbols) == self._known and len(self.table) == len(self._numbers):
            return
        lists, room = self.table.shape
        if len(symbols) > room or lists < len(self._numbers):
            room = max(len(symbols), 2 * room, _FIRST_SLOTS)
            self.table = np.zeros((len(self._numbers), room), dtype=np.int64)
            self._known = 0
        for slot in range(self._known, len(symbols)):
            symbol = symbols[slot]
            if self._home(symbol):
                self.table[[*self._of[_EVERY], *self._of.get(symbol, ())], slot] = 1
        self._known = len(symbols)

    def clear(self) -> None:
        """Forget all instruments."""
        self.table = self.table[:0, :0]
        self._known = 0
