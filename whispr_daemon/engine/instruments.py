"""The codes of instruments as the store has them, and the partition each is at home in."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.partition import partition_of
from whispr_daemon.engine.retry import Persist
from whispr_daemon.ports.store import Store


class Instruments:
    """What the store has registered so far, as far as it was asked for."""

    def __init__(self, store: Store, persist: Persist, partitions: int) -> None:
        """Nothing is known yet."""
        self._store = store
        self._persist = persist
        self._partitions = partitions
        self._codes: dict[str, int] = {}
        self._homes = np.zeros(0, dtype=np.int64)  # by code
        self.names: dict[int, str] = {}

    async def codes_of(self, symbols: Sequence[str]) -> NDArray[np.int64]:
        """Return the codes of symbols, shape (n,); new ones are registered."""
        unknown = [symbol for symbol in symbols if symbol not in self._codes]
        if unknown:
            found: Mapping[str, int] = await self._persist(
                "register", lambda: self._store.register(unknown)
            )
            self._codes.update(found)
            self.names.update({code: symbol for symbol, code in found.items()})
            self._homes = np.zeros(max(self.names) + 1, dtype=np.int64)
            for code, symbol in self.names.items():
                self._homes[code] = partition_of(symbol, self._partitions)
        return np.array([self._codes[symbol] for symbol in symbols], dtype=np.int64)

    def homes(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the partitions of codes that are known, both of shape (n,)."""
        return self._homes[codes]
