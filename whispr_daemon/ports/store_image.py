"""All that a store holds, as it is at one moment: to be copied into another store, of any tier."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol, TypeAlias

Row: TypeAlias = tuple[Any, ...]  # int, str or bytes, in the order of the table's columns


class Page(NamedTuple):
    """Some rows of a table. Times are ns UTC, positions packed, bodies as they were written."""

    table: str
    rows: Sequence[Row]


class StoreImage(Protocol):
    """A store at one moment: what is committed to it meanwhile is not seen. May raise Transient."""

    @property
    def named(self) -> tuple[int, ...]:
        """The newest of each kind of name that entries of the log may bear.

        Those are instruments, changes of the rules, and epochs of producers. Each is in the store
        before it is in the log; where two images agree on them, no entry appended between the two
        bears a name that the first does not know.
        """
        ...

    async def rows(self) -> int:
        """Return how many rows there are in all."""
        ...

    def pages(self) -> AsyncGenerator[Page, None]:
        """Yield all rows, each after those it refers to."""
        ...


class ImagedStore(Protocol):
    """A store that an image can be taken of, also while others write to it."""

    def image(self) -> AbstractAsyncContextManager[StoreImage]:
        """Hold the store as it is now; it is held until the context is left."""
        ...


class EmptyStore(Protocol):
    """A store without any rows."""

    async def expect_empty(self) -> None:
        """Look whether it is empty.

        Raises:
            SettingsError: it is not.
        """
        ...

    async def fill(self, pages: AsyncIterator[Page]) -> None:
        """Take over all rows of an image.

        Raises:
            SettingsError: it is not empty.
        """
        ...
